// @ts-check
// The caller's key: found, hashed, masked. It never leaves this worker.
import crypto from 'crypto';
import {isGoogle} from './spoken.js';

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
 * A Bearer credential decides; only without one does x-api-key count. Nothing else is a key (LM-02 to LM-08), but what
 * Google's clients show on Google's paths.
 *
 * @param {NginxHTTPRequest} r
 * @param {boolean} [google] whether it is a client of Google's all the same
 * @returns {Caller | undefined}
 */
export function callerOf(r, google) {
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
    const key = r.headersIn['x-api-key'] || (google || isGoogle(r.uri) ? googleKey(r) : '');
    return key ? hashed.get('\t' + key) || remember('\t' + key, key) : undefined;
}

/**
 * @param {NginxHTTPRequest} r
 * @returns {string} as Google's clients show it
 */
function googleKey(r) {
    return r.headersIn['x-goog-api-key'] || String(r.args.key || '');
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
