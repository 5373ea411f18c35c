// @ts-check
import {kindOf} from '../faults.js';

const STREAMED = {
    internalserverexception: 500, modelstreamerrorexception: 500, validationexception: 400, throttlingexception: 429,
    serviceunavailableexception: 503, modeltimeoutexception: 408, brokenframe: 502,
};

/**
 * @param {number} status
 * @param {any} body parsed JSON, or text
 * @returns {import('../form.js').Fault}
 */
export function readError(status, body) {
    const value = typeof body === 'object' && body !== null ? body : {};
    const code = typeof value.__type === 'string' ? value.__type.replace(/^.*#/, '') : undefined;
    const message = String(value.message || value.Message || (typeof body === 'string' && body) || code || 'the provider gave no reason');
    return {status, kind: kindOf(status), message: message.slice(0, 4000), code};
}

/**
 * @param {any} body of an exception in a stream
 * @returns {import('../form.js').Fault}
 */
export function readException(body) {
    const status = /** @type {Record<string, number>} */ (STREAMED)[String(body.__type).toLowerCase()] || 500;
    return readError(status, body);
}
