// @ts-check
// Error bodies, each in the shape that the caller's SDK understands.
import {isGoogle} from './spoken.js';

/** @typedef {'openai' | 'anthropic' | 'google' | 'flat'} Dialect */

/** @type {Record<number, string>} */
const FLAT = {
    400: 'bad_request', 401: 'unauthorized', 402: 'budget_exceeded', 403: 'forbidden', 404: 'not_found', 405: 'method_not_allowed',
    408: 'request_timeout', 413: 'request_too_large', 414: 'uri_too_long', 422: 'model_pricing_missing', 429: 'rate_limit_exceeded',
    431: 'headers_too_large',
    500: 'internal_error', 502: 'provider_error', 503: 'unavailable', 504: 'provider_timeout', 505: 'http_version_not_supported',
};

/** @type {Record<number, string>} */
const OPENAI = {402: 'insufficient_quota'};

/** @type {Record<number, string>} */
const ANTHROPIC = {
    401: 'authentication_error', 402: 'billing_error', 403: 'permission_error', 404: 'not_found_error',
    413: 'request_too_large', 429: 'rate_limit_error', 504: 'timeout_error', 529: 'overloaded_error',
};

/** @type {Record<number, string>} */
const GOOGLE = {
    400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 402: 'RESOURCE_EXHAUSTED', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND', 429: 'RESOURCE_EXHAUSTED',
    499: 'CANCELLED', 500: 'INTERNAL', 501: 'UNIMPLEMENTED', 502: 'UNAVAILABLE', 503: 'UNAVAILABLE', 504: 'DEADLINE_EXCEEDED',
};

/**
 * @param {Dialect} dialect
 * @param {number} status
 * @param {string} message
 * @param {string} requestId
 * @param {string} [limited] what a limited caller lacks
 * @returns {string} JSON
 */
export function errorBody(dialect, status, message, requestId, limited) {
    if (dialect === 'flat') {
        return JSON.stringify({error: FLAT[status] || 'error', message, request_id: requestId});
    }
    if (dialect === 'anthropic') {
        const type = ANTHROPIC[status] || (status < 500 ? 'invalid_request_error' : 'api_error');
        return JSON.stringify({type: 'error', error: {type, message}, request_id: requestId});
    }
    if (dialect === 'google') {
        return JSON.stringify(googleError(status, message));
    }
    const type = OPENAI[status] || (status === 429 && limited) || (status < 500 ? 'invalid_request_error' : 'server_error');
    return JSON.stringify({error: {message, type, param: null, code: status}});
}

/**
 * @param {number} status
 * @param {string} message
 */
function googleError(status, message) {
    return {error: {code: status, message, status: GOOGLE[status] || (status < 500 ? 'FAILED_PRECONDITION' : 'INTERNAL')}};
}

/**
 * @param {string} uri of a managed request
 * @returns {'openai' | 'anthropic' | 'google'} whose errors its caller understands
 */
export function dialectOf(uri) {
    if (uri.startsWith('/v1/messages') || uri === '/routing/v1/messages') {
        return 'anthropic';
    }
    return isGoogle(uri) ? 'google' : 'openai';
}

/**
 * @param {Dialect} dialect
 * @returns {string} the server-sent event that ends a stream whose provider broke off
 */
export function brokenEvent(dialect) {
    const message = 'the provider broke off its answer';
    if (dialect === 'anthropic') {
        return `event: error\ndata: ${JSON.stringify({type: 'error', error: {type: 'api_error', message}})}\n\n`;
    }
    if (dialect === 'google') {
        return `data: ${JSON.stringify(googleError(502, message))}\n\n`;
    }
    return `data: ${JSON.stringify({error: {message, type: 'server_error', code: 502}})}\n\n`;
}

/**
 * Answer with an error of our own. The managed locations give the request id as a header themselves.
 *
 * @param {NginxHTTPRequest} r
 * @param {Dialect} dialect
 * @param {number} status
 * @param {string} message
 * @param {'requests' | 'tokens'} [limited]
 */
export function refuse(r, dialect, status, message, limited = 'requests') {
    const requestId = r.variables.ostiary_request_id || '';
    r.headersOut['Content-Type'] = 'application/json';
    if (dialect === 'flat') {
        r.headersOut['x-request-id'] = requestId;
    }
    r.return(status, errorBody(dialect, status, message, requestId, limited));
}
