// @ts-check
// The caller's key: found, hashed, masked. It never leaves this worker.
import crypto from 'crypto';

const MASK = 6;

/**
 * A Bearer credential decides; only without one does x-api-key count. Nothing else is a key (LM-02 to LM-08).
 *
 * @param {NginxHTTPRequest} r
 * @returns {string} empty if there is none
 */
export function callerKey(r) {
    const authorization = r.variables.http_authorization;
    if (authorization && authorization.length > 6 && authorization.slice(0, 6).toLowerCase() === 'bearer') {
        const next = authorization.charCodeAt(6);
        if (next === 32 || next === 9) {
            return authorization.slice(7).trim();
        }
    }
    return r.variables.http_x_api_key || '';
}

/**
 * @param {string} key
 * @returns {string} 64 hex digits
 */
export function hashKey(key) {
    return crypto.createHash('sha256').update(key).digest('hex');
}

/**
 * What people may see of a key (LM-23).
 *
 * @param {string} key
 * @returns {string}
 */
export function mask(key) {
    return clean(key.slice(-MASK));
}

/**
 * Text that can be a field between tabs.
 *
 * @param {string} text
 * @returns {string}
 */
export function clean(text) {
    return CONTROL.test(text) ? text.replace(CONTROLS, ' ') : text;
}

// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x1f\x7f]/;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\x00-\x1f\x7f]/g;
