// @ts-check
// /v1/...: the caller names a model, we hold the credential.
import {LONG_BODY, lookFor} from './bounds.js';
import {borrow, cap, charge} from './charge.js';
import {complain} from './complaints.js';
import {callerOf, clean} from './credential.js';
import {ask, isKnown, isLimited, isPlanned, isTranslated, recall} from './decisions.js';
import {dialectOf, refuse} from './dialects.js';
import {accept, redacted} from './registry.js';
import {collect} from './reply.js';
import {canonical} from './request.js';
import {spendOf} from './spend.js';
import {SPOKEN, spokenAt} from './spoken.js';
import {withoutKey} from './strangers.js';

const LONGEST_MODEL = 256;
const TYPE = 8; // place of the provider's type in a decision
const RULE = 8; // of the rule in a planned one, before its location
const FIELDS_OF_PLANNED = 10;
// eslint-disable-next-line no-control-regex
const MARK = /[\x01-\x03]$/;
// eslint-disable-next-line no-control-regex
const NEEDS_ESCAPE = /["\\\x00-\x1f\x7f]/;

/** @typedef {import('./spoken.js').Spoken} Spoken */

/**
 * What tells the model where the pattern in nginx.conf does not, and sets the pieces of the body round it.
 *
 * @typedef {(r: NginxHTTPRequest) => {model: string, problem: string}} Read
 */

/**
 * js_access. Returning lets nginx go on to proxy_pass.
 *
 * @param {NginxHTTPRequest} r
 */
function access(r) {
    const spoken = SPOKEN[r.uri];
    if (spoken === undefined) {
        return fail(r, 404, 'not found');
    }
    if (r.method !== 'POST') {
        r.headersOut.Allow = 'POST';
        return fail(r, 405, 'method not allowed');
    }
    return enter(r, spoken);
}

/**
 * Who is it, may they use this model, where does it go.
 *
 * @param {NginxHTTPRequest} r
 * @param {Spoken} spoken
 * @param {Read} [read] instead of the pattern
 */
export async function enter(r, spoken, read) {
    try {
        const caller = callerOf(r);
        if (caller === undefined) {
            return reject(r, withoutKey(r, 401, 'missing or invalid Authorization header'));
        }
        if (!isKnown(caller.hash) && r.variables.ostiary_known !== '1') {
            await introduce(r, caller);
            return undefined;
        }
        const body = await r.readRequestArrayBuffer();
        const found = read === undefined ? body.byteLength > LONG_BODY ? await scan(r) : r.variables.ostiary_body_model : '';
        const decision = found ? recall(caller.hash + spoken.letter + found) : undefined;
        return decision === undefined ? await decide(r, caller, spoken, {found, read}, body.byteLength) : admit(r, caller, decision, body.byteLength);
    } catch (error) {
        complain(`managed: ${error}`);
        return fail(r, 500, 'internal error');
    }
}

/**
 * @param {NginxHTTPRequest} r
 * @param {number} status
 * @param {string} message
 */
function fail(r, status, message) {
    refuse(r, dialectOf(r.uri), status, message);
}

/**
 * Ask who the caller is before a byte of the body is read. njs begins to read a body only while js_access runs for the
 * first time, so a caller who is known now goes round once more.
 *
 * @param {NginxHTTPRequest} r
 * @param {import('./credential.js').Caller} caller
 */
async function introduce(r, caller) {
    const identity = await ask(r, caller, 'managed', '');
    if (typeof identity === 'string') {
        const v = r.variables;
        v.ostiary_known = '1';
        r.internalRedirect(v.args ? `${r.uri}?${v.args}` : r.uri);
    } else {
        reject(r, identity);
    }
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./decisions.js').Refusal | undefined} refusal
 */
function reject(r, refusal) {
    if (refusal === undefined) {
        fail(r, 403, 'API key not authorized');
    } else {
        fail(r, refusal.status, refusal.message);
    }
}

/**
 * The pattern of nginx.conf over a long body. In a map nginx would copy the body to lower case first, which costs more
 * than the pattern; `if` does not, and a subrequest is where it can be evaluated now.
 *
 * @param {NginxHTTPRequest} r
 * @returns {Promise<string | undefined>}
 */
async function scan(r) {
    const reply = await r.subrequest('/_scan');
    return reply.status === 204 ? r.variables.ostiary_body_name : undefined;
}

/**
 * The way of the first request for a model, and of a body that the pattern is not sure of.
 *
 * @param {NginxHTTPRequest} r
 * @param {import('./credential.js').Caller} caller
 * @param {Spoken} spoken
 * @param {{found: string | undefined, read: Read | undefined}} how
 * @param {number} bytes of the body
 */
async function decide(r, caller, spoken, {found, read = canonical}, bytes) {
    let model = found;
    if (!model) {
        const body = read(r);
        if (body.problem !== '') {
            return fail(r, 400, body.problem);
        }
        model = body.model;
        r.variables.ostiary_body_name = clean(model);
    }
    if (model.length > LONGEST_MODEL || NEEDS_ESCAPE.test(model)) {
        return fail(r, 400, `unknown model: ${model.slice(0, LONGEST_MODEL)}`);
    }
    const decision = recall(caller.hash + spoken.letter + model) || await ask(r, caller, 'managed', model);
    return typeof decision === 'string' ? admit(r, caller, decision, bytes) : reject(r, decision);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./credential.js').Caller} caller
 * @param {string} decision
 * @param {number} bytes of the body
 * @returns {Promise<void> | undefined}
 */
function admit(r, caller, decision, bytes) {
    const v = r.variables;
    if (isPlanned(decision)) {
        v.ostiary_planned = decision;
        const fields = decision.split('\t', FIELDS_OF_PLANNED);
        v.ostiary_rule = fields[RULE];
        r.internalRedirect('@' + fields[RULE + 1].replace(MARK, ''));
        return undefined;
    }
    if (v.args) {
        v.ostiary_redacted = redacted(/** @type {string} */ (v.request_uri));
    }
    if (isLimited(decision)) {
        return pay(r, caller, decision, bytes);
    }
    collect(r, accept(r, decision), isTranslated(decision));
    return undefined;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./credential.js').Caller} caller
 * @param {string} decision
 * @param {number} bytes of the body
 * @returns {Promise<void> | undefined}
 */
function pay(r, caller, decision, bytes) {
    const spend = spendOf(decision);
    if (spend.sized && bytes > LONG_BODY) {
        return lookFor(r).then(() => spendOn(r, caller, decision, spend, bytes));
    }
    return spendOn(r, caller, decision, spend, bytes);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./credential.js').Caller} caller
 * @param {string} decision
 * @param {import('./spend.js').Spend} spend
 * @param {number} bytes of the body
 * @returns {Promise<void> | undefined}
 */
function spendOn(r, caller, decision, spend, bytes) {
    const {uri} = r;
    const dialect = dialectOf(uri);
    if (charge(r, dialect, spend, bytes, uri)) {
        send(r, decision, spend, spend.slots);
        return undefined;
    }
    const asked = /** @type {import('./spoken.js').Spoken} */ (spokenAt(uri)).dialect;
    const question = {key: caller.hash, surface: 'managed', target: /** @type {string} */ (r.variables.ostiary_body_name), dialect: asked};
    return borrow(r, dialect, spend, question).then((slots) => (slots === null ? undefined : send(r, decision, spend, slots)));
}

/**
 * @param {NginxHTTPRequest} r
 * @param {string} decision
 * @param {import('./spend.js').Spend} spend
 * @param {string[]} slots
 */
function send(r, decision, spend, slots) {
    if (spend.cap) {
        cap(r, spend, decision.split('\t', FIELDS_OF_PLANNED)[TYPE]);
    }
    collect(r, accept(r, decision, slots), isTranslated(decision));
}

export default {access};
