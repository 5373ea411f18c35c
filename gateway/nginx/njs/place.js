// @ts-check
// Where an attempt asks a provider: the client's own path, the target's, or the translator's and what that is told.
import {filled, standing} from './orders.js';
import settings from './settings.js';
import {googlePath, spokenAt} from './spoken.js';

/** @typedef {import('./plans.js').Plan} Plan */
/** @typedef {import('./plans.js').Target} Target */

const GOOGLES_OWN = '/v1beta/models/{model}:';

/**
 * A provider that speaks the client's dialect.
 *
 * @param {NginxHTTPRequest} r
 * @param {Target} target
 * @returns {string} path and query
 */
export function placeOf(r, target) {
    const google = googlePath(r.uri);
    if (google !== undefined) {
        return googlesPlace(r, target, google.method);
    }
    const path = pathOf(r, target);
    const args = r.variables.args || '';
    return args === '' ? path || r.uri : joined(path || r.uri, args);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Target} target
 * @param {string} method
 * @returns {string} without the caller's key; how a stream is framed is the client's choice
 */
function googlesPlace(r, target, method) {
    const [path, own = ''] = (pathOf(r, target) || filled(GOOGLES_OWN + method, target.model)).split('?');
    const args = [...own.split('&').filter((pair) => !pair.startsWith('alt=')), ...(r.variables.args || '').split('&')];
    const kept = args.filter((pair) => pair !== '' && !/^key(?:=|$)/i.test(pair)).join('&');
    return kept === '' ? path : `${path}?${kept}`;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Target} target
 * @returns {string} empty if it is the client's own
 */
function pathOf(r, target) {
    return filled((isStream(r.variables) && target.stream_path) || target.path, target.model);
}

/**
 * @param {string} path
 * @param {string} args
 * @returns {string}
 */
function joined(path, args) {
    return `${path}${path.includes('?') ? '&' : '?'}${args}`;
}

/**
 * @param {NginxVariables} v
 * @returns {boolean} whether the client asks for a stream
 */
export function isStream(v) {
    return `${v.ostiary_stream || ''}${v.ostiary_stream_after || ''}` === 'true';
}

/**
 * @param {NginxHTTPRequest} r
 * @returns {string} the path at the translator: nothing of the client's own where that may hold a key
 */
export function askedAt(r) {
    const google = googlePath(r.uri);
    return google === undefined ? r.uri : `/v1beta/models/-:${google.method}`;
}

/**
 * What the translator is told.
 *
 * @param {NginxHTTPRequest} r
 * @param {Plan} plan
 * @param {Target} target
 * @param {string} credential
 */
export function translation(r, plan, target, credential) {
    const client = /** @type {import('./spoken.js').Spoken} */ (spokenAt(r.uri)).dialect;
    return {
        id: r.variables.ostiary_id,
        stream: isStream(r.variables),
        sse: client !== 'generate' || (r.args.alt || '') === 'sse',
        ...standing(target, client, {uri: r.uri, maxTokens: plan.max_output_tokens || settings.maxOutputTokens, credential}),
    };
}
