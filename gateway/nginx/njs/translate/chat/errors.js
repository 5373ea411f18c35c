// @ts-check
// Errors of OpenAI's dialects.
import {kindOf} from '../faults.js';

/** @typedef {import('../form.js').Fault} Fault */

/** @type {Record<Fault['kind'], [string, string | null]>} type and code */
const WORDS = {
    invalid_request: ['invalid_request_error', null], authentication: ['invalid_request_error', 'invalid_api_key'],
    billing: ['insufficient_quota', 'insufficient_quota'], permission: ['invalid_request_error', 'permission_denied'],
    not_found: ['invalid_request_error', 'model_not_found'], too_large: ['invalid_request_error', 'request_too_large'],
    rate_limit: ['requests', 'rate_limit_exceeded'], server: ['server_error', 'server_error'], overloaded: ['server_error', 'overloaded'],
    timeout: ['server_error', 'timeout'],
};

/** @type {Record<string, number>} what stands for a type or code where an event in a stream tells no status */
const STATUS = {
    invalid_request_error: 400, invalid_api_key: 401, insufficient_quota: 429, model_not_found: 404, rate_limit_exceeded: 429,
    requests: 429, tokens: 429, overloaded: 503, server_error: 500, timeout: 504,
};

/**
 * @param {number} status 0 where an event in a stream tells it
 * @param {any} body OpenAI's, or what servers that are like OpenAI's write: {detail}, {message, type, code}, text
 * @returns {Fault}
 */
export function readError(status, body) {
    const error = (body && (body.error || body)) || '';
    const code = typeof error.code === 'string' ? error.code : undefined;
    const message = error.message || error.detail || error;
    const number = status || (error.code >= 400 && error.code < 600 ? Number(error.code) : STATUS[code || ''] || STATUS[error.type] || 500);
    return {
        status: number, kind: code === 'insufficient_quota' ? 'billing' : kindOf(number),
        message: (typeof message === 'string' ? message.slice(0, 4000) : JSON.stringify(message).slice(0, 1000)) || 'the provider gave no reason',
        ...((code || typeof error.type === 'string') && {code: code || error.type}), ...(typeof error.param === 'string' && {param: error.param}),
    };
}

/** @param {Fault} fault */
function errorOf({message, kind, code, param}) {
    const [type, word] = WORDS[kind];
    return {message, type, param: param === undefined ? null : param, code: word || code || null};
}

/**
 * @param {Fault} fault
 * @param {string} _requestId which OpenAI has in a header only
 */
export function writeError(fault, _requestId) {
    return {error: errorOf(fault)};
}

/**
 * @param {Fault} fault
 * @returns {string}
 */
export function errorEvent(fault) {
    return `data: ${JSON.stringify({error: errorOf(fault)})}\n\n`;
}
