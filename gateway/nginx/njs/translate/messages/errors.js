// @ts-check
// Errors of Anthropic's Messages.
import {kindOf} from '../faults.js';

/** @typedef {import('../form.js').Fault} Fault */

/** @type {Record<Fault['kind'], string>} */
const TYPES = {
    invalid_request: 'invalid_request_error', authentication: 'authentication_error', billing: 'billing_error',
    permission: 'permission_error', not_found: 'not_found_error', too_large: 'request_too_large', rate_limit: 'rate_limit_error',
    server: 'api_error', overloaded: 'overloaded_error', timeout: 'timeout_error',
};

/** @type {Record<string, [Fault['kind'], number]>} with the status that stands for it where an event tells none */
const KINDS = {
    invalid_request_error: ['invalid_request', 400], authentication_error: ['authentication', 401], billing_error: ['billing', 402],
    permission_error: ['permission', 403], not_found_error: ['not_found', 404], request_too_large: ['too_large', 413],
    rate_limit_error: ['rate_limit', 429], api_error: ['server', 500], overloaded_error: ['overloaded', 529], timeout_error: ['timeout', 504],
};

/**
 * @param {number} status 0 where an event in a stream tells it
 * @param {any} body
 * @returns {Fault}
 */
export function readError(status, body) {
    const error = (body && body.error) || {};
    const known = Object.hasOwn(KINDS, error.type) ? KINDS[error.type] : undefined;
    const message = error.message || (typeof error === 'string' && error) || (typeof body === 'string' && body.slice(0, 1000));
    return {
        status: status || (known ? known[1] : 500), kind: known ? known[0] : kindOf(status || 500),
        message: message || 'the provider gave no reason', ...(typeof error.type === 'string' && {code: error.type}),
    };
}

/** @param {Fault} fault */
const errorOf = (fault) => ({type: TYPES[fault.kind], message: fault.message});

/**
 * @param {Fault} fault
 * @param {string} requestId
 */
export function writeError(fault, requestId) {
    return {type: 'error', error: errorOf(fault), request_id: requestId};
}

/**
 * @param {Fault} fault
 * @returns {string}
 */
export function errorEvent(fault) {
    return `event: error\ndata: ${JSON.stringify({type: 'error', error: errorOf(fault)})}\n\n`;
}
