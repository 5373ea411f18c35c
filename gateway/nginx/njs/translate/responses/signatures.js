// @ts-check
// Signatures as `encrypted_content` of reasoning items, where other providers keep them elsewhere: `!` is before one that holds
// the whole thought, `call:` before one of the call that follows.
import {sign, signatureFor} from '../form.js';

const REDACTED = '!';
const CALL = 'call:';

/**
 * @param {string} signature
 * @param {boolean} [redacted]
 */
export function wrapped(signature, redacted) {
    return (redacted ? REDACTED : '') + signature;
}

/** @param {string} signature of a call */
export function wrappedCall(signature) {
    return CALL + signature;
}

/**
 * @param {any} shown
 * @returns {{signature?: string, redacted?: boolean, call?: string}}
 */
export function unwrapped(shown) {
    if (typeof shown !== 'string' || shown === '') {
        return {};
    }
    if (shown.startsWith(CALL)) {
        return {call: shown.slice(CALL.length)};
    }
    return shown.startsWith(REDACTED) ? {signature: shown.slice(1), redacted: true} : {signature: shown};
}

/**
 * An item of reasoning is known by its id too.
 *
 * @param {any} item of a Responses provider
 * @returns {string | undefined} signed
 */
export function signatureOf(item) {
    return item.encrypted_content ? sign('responses', `${item.id || ''} ${item.encrypted_content}`) : undefined;
}

/**
 * @param {string | undefined} signature
 * @returns {{id?: string, encrypted_content: string} | undefined} for the provider that made it
 */
export function itemOf(signature) {
    const said = signatureFor('responses', signature);
    const at = said === undefined ? -1 : said.indexOf(' ');
    return said === undefined || at < 0 ? undefined : {...at > 0 && {id: said.slice(0, at)}, encrypted_content: said.slice(at + 1)};
}
