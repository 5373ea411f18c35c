// @ts-check
// /v1/...: the caller names a model, we hold the credential.
import {complain} from './complaints.js';
import {callerKey, hashKey, mask} from './credential.js';
import {
    BASE_PATH, CREDENTIAL, CREDENTIAL_HEADER, HOST, MESSAGE, MODEL, PROVIDER_TYPE, REFUSED, SCHEME, STATUS, UPSTREAM,
    ask, recall,
} from './decisions.js';
import {refuse} from './dialects.js';
import {hider} from './hide.js';
import {accept} from './registry.js';
import {collect} from './reply.js';
import {askForUsage, readModel} from './request.js';

const ENDPOINTS = [
    '/v1/chat/completions', '/v1/messages', '/v1/responses', '/v1/embeddings', '/v1/completions',
];
/** @type {Record<string, boolean>} */
const COUNTED_STREAMS = {'/v1/chat/completions': true, '/v1/completions': true};
/** @type {Record<string, boolean>} */
const OPENAI = {openai: true, 'openai-compatible': true};
const LONGEST_MODEL = 256;
// eslint-disable-next-line no-control-regex
const NEEDS_ESCAPE = /["\\\x00-\x1f]/;

/**
 * js_access: who is it, may they use this model, where does it go. Returning lets nginx go on to proxy_pass.
 *
 * @param {NginxHTTPRequest} r
 */
export async function access(r) {
    const dialect = r.uri === '/v1/messages' ? 'anthropic' : 'openai';
    try {
        await admit(r, dialect);
    } catch (error) {
        complain(`managed: ${error}`);
        refuse(r, dialect, 500, 'internal error');
    }
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./dialects.js').Dialect} dialect
 */
async function admit(r, dialect) {
    if (!ENDPOINTS.includes(r.uri)) {
        return refuse(r, dialect, 404, 'not found');
    }
    if (r.method !== 'POST') {
        r.headersOut.Allow = 'POST';
        return refuse(r, dialect, 405, 'method not allowed');
    }
    const key = callerKey(r);
    if (key === '') {
        return refuse(r, dialect, 401, 'missing or invalid Authorization header');
    }
    const hash = hashKey(key);
    const v = r.variables;
    const identity = recall(hash, 'managed', '');
    if (v.ostiary_known !== '1' && (identity === undefined || identity[REFUSED])) {
        return introduce(r, dialect, hash, identity);
    }
    await r.readRequestArrayBuffer();
    const {model, problem} = readModel(r);
    if (problem !== '') {
        return refuse(r, dialect, 400, problem);
    }
    if (model.length > LONGEST_MODEL || NEEDS_ESCAPE.test(model)) {
        return refuse(r, dialect, 400, `unknown model: ${model.slice(0, LONGEST_MODEL)}`);
    }
    const decision = recall(hash, 'managed', model) || await ask(r, hash, 'managed', model);
    if (!rejected(r, dialect, decision)) {
        send(r, /** @type {string[]} */ (decision), mask(key), model);
    }
    return undefined;
}

/**
 * Ask who the caller is before a byte of the body is read. njs begins to read a body only while js_access runs for the
 * first time, so a caller who is known now goes round once more.
 *
 * @param {NginxHTTPRequest} r
 * @param {import('./dialects.js').Dialect} dialect
 * @param {string} hash
 * @param {import('./decisions.js').Decision | undefined} cached
 */
async function introduce(r, dialect, hash, cached) {
    const identity = cached || await ask(r, hash, 'managed', '');
    if (!rejected(r, dialect, identity)) {
        const v = r.variables;
        v.ostiary_known = '1';
        r.internalRedirect(v.args ? `${r.uri}?${v.args}` : r.uri);
    }
}

/**
 * Answer for a decision that is missing or says no.
 *
 * @param {NginxHTTPRequest} r
 * @param {import('./dialects.js').Dialect} dialect
 * @param {import('./decisions.js').Decision | undefined} decision
 * @returns {boolean}
 */
function rejected(r, dialect, decision) {
    if (decision === undefined) {
        refuse(r, dialect, 403, 'API key not authorized');
        return true;
    }
    if (decision[REFUSED]) {
        refuse(r, dialect, +decision[STATUS], decision[MESSAGE]);
        return true;
    }
    return false;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./decisions.js').Decision} decision
 * @param {string} masked
 * @param {string} model as the client wrote it
 */
function send(r, decision, masked, model) {
    const v = r.variables;
    v.ostiary_url = `${decision[SCHEME]}://${decision[UPSTREAM]}${decision[BASE_PATH]}${r.uri}${v.is_args || ''}${v.args || ''}`;
    v.ostiary_host = decision[HOST];
    v.ostiary_type = decision[PROVIDER_TYPE];
    v.ostiary_credential_header = decision[CREDENTIAL_HEADER];
    v.ostiary_credential = decision[CREDENTIAL];
    v.ostiary_model = decision[MODEL];
    accept(r, 'managed', decision, masked, model);
    const asked = COUNTED_STREAMS[r.uri] && OPENAI[decision[PROVIDER_TYPE]] && askForUsage(r);
    collect(r, asked ? hider() : null);
}

export default {access};
