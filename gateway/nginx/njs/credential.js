// @ts-check
// The caller's key: found, hashed, masked. It never leaves this worker.
import crypto from 'crypto';

/**
 * @typedef {object} Caller
 * @property {string} hash SHA-256 of the key, 64 hex digits
 * @property {string} mask what people may see of it (LM-23)
 */

const MASK = 6;
const MOST = 64;
const BEARER = /^bearer[ \t]+(?=\S)/i;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\x00-\x1f\x7f]/g;

/**
 * Headers seen by this context, so that each is hashed once. Says nothing of whether a key is good.
 *
 * @type {Map<string, Caller>}
 */
const hashed = new Map();

/**
 * A Bearer credential decides; only without one does x-api-key count. Nothing else is a key (LM-02 to LM-08).
 *
 * @param {NginxHTTPRequest} r
 * @returns {Caller | undefined}
 */
export function callerOf(r) {
    const authorization = r.headersIn.Authorization;
    if (authorization !== undefined) {
        const known = hashed.get(authorization);
        if (known !== undefined) {
            return known;
        }
        const scheme = BEARER.exec(authorization);
        if (scheme !== null) {
            return remember(authorization, authorization.slice(scheme[0].length).trimEnd());
        }
    }
    const key = r.headersIn['x-api-key'];
    return key ? hashed.get('\t' + key) || remember('\t' + key, key) : undefined;
}

/**
 * @param {string} header
 * @param {string} key
 * @returns {Caller}
 */
function remember(header, key) {
    if (hashed.size >= MOST) {
        hashed.clear();
    }
    const caller = {hash: crypto.createHash('sha256').update(key).digest('hex'), mask: clean(key.slice(-MASK))};
    hashed.set(header, caller);
    return caller;
}

/**
 * Text that can be a field between tabs.
 *
 * @param {string} text
 * @returns {string}
 */
export function clean(text) {
    return text.replace(CONTROLS, ' ');
}
