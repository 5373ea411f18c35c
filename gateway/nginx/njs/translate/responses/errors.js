// @ts-check
// OpenAI's errors; in a stream of Responses they are events of their own.
import {readError as read, writeError} from '../chat/errors.js';

export {writeError};

/** @typedef {import('../form.js').Fault} Fault */

/**
 * @param {number} status
 * @param {any} body
 * @returns {Fault}
 */
export function readError(status, body) {
    return read(status, body);
}

/**
 * @param {any} event `error` or `response.failed`
 * @returns {Fault}
 */
export function readFailure(event) {
    const failed = event.response && event.response.error;
    const {message, code, param, error} = event;
    return read(0, failed || (typeof error === 'object' && error !== null ? error : {message, code, param}));
}

/**
 * Both as OpenAI's documentation has it and as its servers say it: the SDKs raise an error for the second only.
 *
 * @param {Fault} fault
 * @param {number} [number] of the event in its stream
 * @returns {string}
 */
export function errorEvent(fault, number = 0) {
    const {error} = /** @type {any} */ (writeError(fault, ''));
    const {code, message, param} = error;
    return `event: error\ndata: ${JSON.stringify({type: 'error', sequence_number: number, code, message, param, error})}\n\n`;
}
