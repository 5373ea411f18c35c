// @ts-check
// Signatures on their way through Google's `thoughtSignature`, which is bytes: base64 of what another provider's says.
import {signatureFor} from '../form.js';

const REDACTED = '!';

/**
 * @param {string} signature signed by its maker
 * @param {boolean} [redacted]
 * @returns {string} to show a client of Google's dialect
 */
export function wrapped(signature, redacted) {
    return Buffer.from((redacted ? REDACTED : '') + signature).toString('base64');
}

/**
 * @param {any} shown
 * @returns {{signature?: string, redacted?: boolean}} nothing if it is not ours
 */
export function unwrapped(shown) {
    if (typeof shown !== 'string') {
        return {};
    }
    const said = Buffer.from(shown.replace(/-/g, '+').replace(/_/g, '/'), 'base64').toString();
    const redacted = said.startsWith(REDACTED);
    const signature = redacted ? said.slice(1) : said;
    return signature.startsWith('ostiary.') ? {signature, ...redacted && {redacted}} : {};
}

/**
 * @param {string | undefined} signature
 * @returns {{thoughtSignature?: string}} Google's own
 */
export function own(signature) {
    const said = signatureFor('generate', signature);
    return said ? {thoughtSignature: said} : {};
}
