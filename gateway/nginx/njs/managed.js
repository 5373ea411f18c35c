// @ts-check
// /v1/...: the caller names a model, we hold the credential.
import {complain} from './complaints.js';
import {callerOf, clean} from './credential.js';
import {ask, isKnown, PLANNED, recall} from './decisions.js';
import {refuse} from './dialects.js';
import {accept, redacted} from './registry.js';
import {collect} from './reply.js';
import {canonical} from './request.js';

const ENDPOINTS = [
    '/v1/chat/completions', '/v1/messages', '/v1/responses', '/v1/embeddings', '/v1/completions',
];
const LONGEST_MODEL = 256;
const LONG_BODY = 8192;
// eslint-disable-next-line no-control-regex
const NEEDS_ESCAPE = /["\\\x00-\x1f\x7f]/;

/**
 * js_access: who is it, may they use this model, where does it go. Returning lets nginx go on to proxy_pass.
 *
 * @param {NginxHTTPRequest} r
 */
export async function access(r) {
    try {
        const uri = r.uri;
        if (!ENDPOINTS.includes(uri)) {
            return fail(r, 404, 'not found');
        }
        if (r.method !== 'POST') {
            r.headersOut.Allow = 'POST';
            return fail(r, 405, 'method not allowed');
        }
        const caller = callerOf(r);
        if (caller === undefined) {
            return fail(r, 401, 'missing or invalid Authorization header');
        }
        if (!isKnown(caller.hash) && r.variables.ostiary_known !== '1') {
            await introduce(r, caller);
            return undefined;
        }
        const body = await r.readRequestArrayBuffer();
        const model = body.byteLength > LONG_BODY ? await scan(r) : r.variables.ostiary_body_model;
        const decision = model ? recall(caller.hash + 'm' + model) : undefined;
        return decision === undefined ? await decide(r, caller, model) : admit(r, decision);
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
    refuse(r, r.uri === '/v1/messages' ? 'anthropic' : 'openai', status, message);
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
 * @param {string | undefined} found
 */
async function decide(r, caller, found) {
    let model = found;
    if (!model) {
        const body = canonical(r);
        if (body.problem !== '') {
            return fail(r, 400, body.problem);
        }
        model = body.model;
        r.variables.ostiary_body_name = clean(model);
    }
    if (model.length > LONGEST_MODEL || NEEDS_ESCAPE.test(model)) {
        return fail(r, 400, `unknown model: ${model.slice(0, LONGEST_MODEL)}`);
    }
    const decision = recall(caller.hash + 'm' + model) || await ask(r, caller, 'managed', model);
    return typeof decision === 'string' ? admit(r, decision) : reject(r, decision);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {string} decision
 */
function admit(r, decision) {
    const v = r.variables;
    if (decision.endsWith(PLANNED)) {
        v.ostiary_planned = decision;
        const fields = decision.slice(0, -1).split('\t');
        v.ostiary_rule = fields[fields.length - 2];
        r.internalRedirect('@' + fields[fields.length - 1]);
        return;
    }
    if (v.args) {
        v.ostiary_redacted = redacted(/** @type {string} */ (v.request_uri));
    }
    collect(r, accept(r, decision));
}

export default {access};
