// @ts-check
// /v1beta/models/<model>:generateContent: Google's clients name the model in the path.
import {refuse} from './dialects.js';
import {parsed} from './json.js';
import {enter} from './managed.js';
import {bounds} from './request.js';
import {GENERATE, googlePath} from './spoken.js';

const METHODS = ['generateContent', 'streamGenerateContent'];

/**
 * js_access.
 *
 * @param {NginxHTTPRequest} r
 */
function access(r) {
    const path = googlePath(r.uri);
    if (path === undefined || !METHODS.includes(path.method)) {
        return refuse(r, 'google', 404, path === undefined ? 'not found' : `${path.method} is not served here`);
    }
    if (r.method !== 'POST') {
        r.headersOut.Allow = 'POST';
        return refuse(r, 'google', 405, 'method not allowed');
    }
    return enter(r, GENERATE, read);
}

/**
 * The body goes on as it is, unless what it may cost has to be written into it.
 *
 * @param {NginxHTTPRequest} r its body has been read
 * @returns {{model: string, problem: string}}
 */
export function read(r) {
    const path = /** @type {{model: string, method: string}} */ (googlePath(r.uri));
    const body = parsed(r.requestText);
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
        return {model: '', problem: 'invalid JSON body'};
    }
    const v = r.variables;
    const asked = body.generationConfig || body.generation_config || {};
    bounds(v, {max_tokens: asked.maxOutputTokens || asked.max_output_tokens, n: asked.candidateCount || asked.candidate_count}, '');
    r.rawVariables.ostiary_body_before = /** @type {Buffer} */ (r.requestBuffer);
    v.ostiary_body_after = '';
    v.ostiary_quote = '';
    v.ostiary_raw = '1';
    v.ostiary_stream = path.method === METHODS[1] ? 'true' : '';
    v.ostiary_stream_after = '';
    v.ostiary_body_name = path.model;
    return {model: path.model, problem: ''};
}

export default {access};
