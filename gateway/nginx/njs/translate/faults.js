// @ts-check
// What an HTTP status says of an error where its body does not say it better.

const KINDS = {
    400: 'invalid_request', 401: 'authentication', 402: 'billing', 403: 'permission', 404: 'not_found', 408: 'timeout',
    413: 'too_large', 422: 'invalid_request', 429: 'rate_limit', 503: 'overloaded', 504: 'timeout', 529: 'overloaded',
};

/**
 * @param {number} status
 * @returns {import('./form.js').Fault['kind']}
 */
export function kindOf(status) {
    const kind = /** @type {Record<number, any>} */ (KINDS)[status];
    return kind || (status >= 400 && status < 500 ? 'invalid_request' : 'server');
}
