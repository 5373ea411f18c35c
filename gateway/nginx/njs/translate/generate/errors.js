// @ts-check
import {kindOf} from '../faults.js';

/**
 * @typedef {import('../form.js').Fault} Fault
 * @typedef {import('../form.js').Form} Form
 */

/** @type {Record<number, string>} */
const WORDS = {
    400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 402: 'FAILED_PRECONDITION', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND', 408: 'DEADLINE_EXCEEDED',
    409: 'ABORTED', 413: 'INVALID_ARGUMENT', 422: 'INVALID_ARGUMENT', 429: 'RESOURCE_EXHAUSTED', 499: 'CANCELLED', 501: 'UNIMPLEMENTED',
    502: 'UNAVAILABLE', 503: 'UNAVAILABLE', 504: 'DEADLINE_EXCEEDED', 529: 'UNAVAILABLE',
};

/**
 * @param {number} status
 * @param {any} body parsed JSON, or text
 * @returns {Fault}
 */
export function readError(status, body) {
    const outer = Array.isArray(body) ? body[0] : body;
    const error = (outer && typeof outer === 'object' && outer.error) || {};
    const details = Array.isArray(error.details) ? error.details : [];
    const invalid = details.some((/** @type {any} */ one) => one && one.reason === 'API_KEY_INVALID');
    const delay = details.map((/** @type {any} */ one) => parseFloat((one && one.retryDelay) || ''))
        .find((/** @type {number} */ seconds) => seconds >= 0);
    return {
        status, kind: invalid ? 'authentication' : kindOf(status),
        message: String(error.message || (typeof body === 'string' && body) || 'the provider gave no reason').slice(0, 4000),
        ...error.status && {code: String(error.status)}, ...delay !== undefined && {retryAfter: Math.ceil(delay)},
    };
}

/**
 * @param {Fault} fault
 * @returns {object}
 */
export function writeError(fault) {
    const status = fault.status === 529 ? 503 : fault.status;
    const word = WORDS[status] || (status >= 500 ? 'INTERNAL' : 'INVALID_ARGUMENT');
    return {error: {code: status, message: fault.message, status: word}};
}

/**
 * @param {Fault} fault
 * @returns {string}
 */
export function errorEvent(fault) {
    return `data: ${JSON.stringify(writeError(fault))}\r\n\r\n`;
}
