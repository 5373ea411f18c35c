// @ts-check
// The body of a managed request where the strict pattern in nginx.conf is not sure of it.
import {heeded} from './bounds.js';
import {parsed} from './json.js';

/** @type {Record<string, string>} models of requests that need not name one */
const DEFAULTS = {'/v1/moderations': 'omni-moderation-latest'};
const LIMITS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'];

/**
 * Parse the body and put it back together in one canonical form, so that no reader can find another model in it. Sets the
 * pieces that nginx.conf puts around the model.
 *
 * @param {NginxHTTPRequest} r its body has been read
 * @param {string} [text] that takes the body's place
 * @returns {{model: string, problem: string}} `problem` says what is wrong with the body, empty if nothing
 */
export function canonical(r, text = r.requestText) {
    const body = parsed(text);
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
        return {model: '', problem: 'invalid JSON body'};
    }
    const model = Object.prototype.hasOwnProperty.call(body, 'model') ? body.model : DEFAULTS[r.uri];
    if (typeof model !== 'string' || model === '') {
        return {model: '', problem: "missing 'model' field"};
    }
    if (Object.keys(body).some((name) => name !== 'model' && name.toLowerCase() === 'model')) {
        return {model: '', problem: "a second field is spelled like 'model'"};
    }
    const v = r.variables;
    delete body.model;
    bounds(v, body, r.uri);
    if (body.routing_preferences !== undefined) { // PL-26: for the sidecar alone
        delete body.routing_preferences;
        v.ostiary_preferences = '1';
    }
    v.ostiary_asked_usage = '';
    v.ostiary_stream = '';
    v.ostiary_stream_after = '';
    if (body.stream === true) {
        options(v, body);
    }
    const rest = JSON.stringify(body);
    v.ostiary_body_before = '{"model":"';
    v.ostiary_body_after = (rest.length > 2 ? ',' : '') + rest.slice(1);
    return {model, problem: ''};
}

/**
 * How much the answer may be at most, for spend.js.
 *
 * @param {NginxVariables} v
 * @param {any} body what it says in vain, null, is taken out of it
 * @param {string} path
 */
export function bounds(v, body, path) {
    let most = 0;
    let by = '';
    for (const name of LIMITS) {
        if (body[name] === null) {
            delete body[name];
        } else if (heeded(name, path) && body[name] > most) {
            most = Math.ceil(body[name]);
            by = name;
        }
    }
    const times = Math.ceil(Math.max(1, +body.n || 1, +body.best_of || 1));
    v.ostiary_bounds = `${by}:${most || ''}:${times}:1`;
}

/**
 * nginx.conf adds `stream_options` where we have to ask for usage, so options that do not ask are kept for it to add to.
 *
 * @param {NginxVariables} v
 * @param {any} body
 */
function options(v, body) {
    const asked = body.stream_options;
    if (typeof asked === 'object' && asked !== null && !Array.isArray(asked)) {
        if (asked.include_usage === true) {
            v.ostiary_asked_usage = '1';
            return;
        }
        const {include_usage: _, ...others} = asked;
        v.ostiary_other_options = Object.keys(others).length > 0 ? ',' + JSON.stringify(others).slice(1, -1) : '';
        v.ostiary_options_as_sent = ',"stream_options":' + JSON.stringify(asked);
        delete body.stream_options;
    } else if (asked === null) {
        delete body.stream_options;
    }
    v.ostiary_stream = 'true';
}

/**
 * What a pass-through body says that the pattern in nginx.conf is not sure of, or that is Google's. It goes on as it is.
 *
 * @param {NginxHTTPRequest} r its body has been read
 * @param {string} path
 * @returns {string} the model, empty if it names none
 */
export function described(r, path) {
    const body = parsed(r.requestText);
    if (typeof body !== 'object' || body === null) {
        return '';
    }
    const google = body.generationConfig || body.generation_config || {};
    const most = google.maxOutputTokens || google.max_output_tokens;
    const n = google.candidateCount || google.candidate_count;
    bounds(r.variables, most || n ? {max_tokens: most, n} : body, most || n ? '' : path);
    return typeof body.model === 'string' ? body.model : '';
}
