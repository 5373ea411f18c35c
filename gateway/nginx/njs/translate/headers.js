// @ts-check
// Headers of an answer: what a provider tells of its limits, in the words of the client's SDK.
import {duration} from '../duration.js';

const OPENAI = /^x-ratelimit-(limit|remaining|reset)-(requests|tokens)$/;
const ANTHROPIC = /^anthropic-ratelimit-(requests|tokens)-(limit|remaining|reset)$/;
const IDS = ['request-id', 'x-request-id', 'x-amzn-requestid', 'apim-request-id'];
const UNITS = /** @type {Record<string, number>} */ ({ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000});

/**
 * @param {NginxHTTPRequest} r
 * @param {'openai' | 'anthropic' | 'google'} shape of the client's errors
 */
export function translateHeaders(r, shape) {
    const out = r.headersOut;
    for (const [given, value] of r.rawHeadersOut) {
        const name = given.toLowerCase();
        if (IDS.includes(name)) {
            out['x-ostiary-provider-request-id'] = value;
        } else if (name.includes('-ratelimit-')) {
            const [, what, of] = OPENAI.exec(name) || [];
            const [, unit, which] = ANTHROPIC.exec(name) || [];
            if (what !== undefined && shape === 'anthropic') {
                put(out, given, `anthropic-ratelimit-${of}-${what}`, what, stamped);
            } else if (unit !== undefined && shape === 'openai') {
                put(out, given, `x-ratelimit-${which}-${unit}`, which, until);
            }
        }
    }
}

/**
 * @param {NginxHeadersOut} out
 * @param {string} from
 * @param {string} to
 * @param {string} what
 * @param {(text: string, now: number) => string} reset
 */
function put(out, from, to, what, reset) {
    const value = String(out[from]);
    delete out[from];
    out[to] = what === 'reset' ? reset(value, Date.now()) : value;
}

/**
 * @param {string} text 6m0s, 20ms, 1.5s, or seconds
 * @param {number} now
 * @returns {string} RFC 3339
 */
export function stamped(text, now) {
    let ms = /^[\d.]+$/.test(text) ? +text * 1000 : 0;
    for (const [, number, unit] of text.matchAll(/([\d.]+)(ms|[smhd])/g)) {
        ms += +number * UNITS[unit];
    }
    return new Date(now + ms).toISOString().replace(/\.\d+/, '');
}

/**
 * @param {string} text RFC 3339
 * @param {number} now
 * @returns {string} as OpenAI writes a duration
 */
export function until(text, now) {
    const at = Date.parse(text);
    return Number.isNaN(at) ? text : duration(Math.max(0, at - now));
}
