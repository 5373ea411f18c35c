// @ts-check
// /<prefix>/...: the request goes on as it is; only who may call is decided here.
import {LONG_BODY, lookFor} from './bounds.js';
import {borrow, charge} from './charge.js';
import {complain} from './complaints.js';
import {callerOf} from './credential.js';
import {ask, isLimited, recall} from './decisions.js';
import {refuse} from './dialects.js';
import {accept, redacted} from './registry.js';
import {collect} from './reply.js';
import {described} from './request.js';
import {spendOf} from './spend.js';
import {withoutKey} from './strangers.js';

const MAY_HOLD_DOTS = ['/.', '%', '\\'];
const LONGEST_MODEL = 256;
// eslint-disable-next-line no-control-regex
const NEEDS_ESCAPE = /["\\\x00-\x1f\x7f]/;
const PATH_MODEL = /\/(?:models|deployments)\/([^/:?]+)/; // Google's, Azure's
const NOTHING = 'max_tokens:0:1:'; // is generated
const DOT_SEGMENT = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)/i;

/**
 * js_access. Returning lets nginx go on to proxy_pass.
 *
 * @param {NginxHTTPRequest} r
 */
export async function access(r) {
    try {
        const caller = callerOf(r);
        if (caller === undefined) {
            return reject(r, withoutKey(r, 403, 'API key not authorized'));
        }
        const v = r.variables;
        const uri = /** @type {string} */ (v.request_uri);
        const query = uri.indexOf('?');
        const path = query < 0 ? uri : uri.slice(0, query);
        if (MAY_HOLD_DOTS.some((text) => path.indexOf(text) >= 0) && DOT_SEGMENT.test(path)) {
            return refuse(r, 'flat', 400, 'path holds a dot segment');
        }
        const slash = path.indexOf('/', 1);
        const end = slash < 0 ? path.length : slash;
        const prefix = path.slice(1, end);
        const known = recall(caller.hash + 'p' + prefix);
        const decision = known || await ask(r, caller, 'pass_through', prefix);
        if (typeof decision !== 'string') {
            return reject(r, decision);
        }
        v.ostiary_path = slash < 0 ? '/' + uri.slice(end) : uri.slice(end);
        if (query >= 0) {
            v.ostiary_redacted = redacted(uri);
        }
        if (isLimited(decision)) {
            return await limited(r, caller, {prefix, path, decision, isNew: known === undefined});
        }
        collect(r, accept(r, decision));
    } catch (error) {
        complain(`pass-through: ${error}`);
        refuse(r, 'flat', 500, 'internal error');
    }
    return undefined;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./decisions.js').Refusal | undefined} refusal
 */
function reject(r, refusal) {
    if (refusal === undefined) {
        refuse(r, 'flat', 403, 'API key not authorized');
    } else {
        refuse(r, 'flat', refusal.status, refusal.message);
    }
}

/**
 * @typedef {object} Way
 * @property {string} prefix
 * @property {string} path
 * @property {string} decision
 * @property {boolean} isNew whether it has just been asked for; then njs cannot read the body any more, see managed.js
 */

/**
 * What depends on the request's size or its model needs the body, and so a request that is buffered.
 *
 * @param {NginxHTTPRequest} r
 * @param {import('./credential.js').Caller} caller
 * @param {Way} way
 */
async function limited(r, caller, {prefix, path, decision, isNew}) {
    const v = r.variables;
    const spend = spendOf(decision);
    /** @type {import('./lease.js').Question} */
    const question = {key: caller.hash, surface: 'pass_through', target: prefix};
    if (!spend.byModel && !spend.sized) {
        return pay(r, path, decision, 0, question);
    }
    if (isNew) {
        if (v.ostiary_known === '1') {
            return refuse(r, 'flat', 503, 'unavailable');
        }
        v.ostiary_known = '1';
        return r.internalRedirect('/_again'); // here again; the path is taken from the request's own
    }
    if (r.method !== 'POST') {
        v.ostiary_bounds = NOTHING;
    }
    const body = await r.readRequestArrayBuffer();
    if (spend.sized && body.byteLength > LONG_BODY) {
        await lookFor(r);
    }
    const model = await modelOf(r, path, body.byteLength);
    if (!spend.byModel || model === '') {
        return pay(r, path, decision, body.byteLength, question);
    }
    const own = recall(`${caller.hash}q${prefix}/${model}`) || await ask(r, caller, 'pass_through', prefix, model);
    if (typeof own !== 'string') {
        return reject(r, own);
    }
    return pay(r, path, own, body.byteLength, {...question, model});
}

/**
 * @param {NginxHTTPRequest} r
 * @param {string} path
 * @param {number} bytes
 * @returns {Promise<string>} empty if it names none
 */
async function modelOf(r, path, bytes) {
    const inPath = PATH_MODEL.exec(path);
    const found = inPath === null ? await modelIn(r, path, bytes) : inPath[1];
    if (inPath !== null) {
        described(r, path);
    }
    if (found.length > LONGEST_MODEL || NEEDS_ESCAPE.test(found)) {
        return '';
    }
    r.variables.ostiary_body_name = found;
    return found;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {string} path
 * @param {number} bytes
 * @returns {Promise<string>} what the body calls its model
 */
async function modelIn(r, path, bytes) {
    const matches = bytes > LONG_BODY ? (await r.subrequest('/_scan')).status === 204 : Boolean(r.variables.ostiary_body_model);
    return matches ? r.variables.ostiary_body_name || '' : described(r, path);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {string} path
 * @param {string} decision
 * @param {number} bytes
 * @param {import('./lease.js').Question} question
 * @returns {Promise<void> | undefined}
 */
function pay(r, path, decision, bytes, question) {
    if (!isLimited(decision)) {
        collect(r, accept(r, decision));
        return undefined;
    }
    const spend = spendOf(decision);
    if (charge(r, 'flat', spend, bytes, path)) {
        collect(r, accept(r, decision, spend.slots));
        return undefined;
    }
    return borrow(r, 'flat', spend, question).then((slots) => (slots === null ? undefined : collect(r, accept(r, decision, slots))));
}

export default {access};
