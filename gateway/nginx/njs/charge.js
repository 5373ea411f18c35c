// @ts-check
// A limited request pays before it goes on.
import {asked} from './bounds.js';
import {lease} from './lease.js';
import {show} from './meters.js';
import {slotsOf} from './purses.js';
import {measure, reset, take} from './spend.js';
import {isGoogle} from './spoken.js';

const CAPPED = ['/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/messages'];

/** @typedef {import('./spend.js').Spend} Spend */
/** @typedef {import('./dialects.js').Dialect} Dialect */

/**
 * The usual way: there is enough in all purses.
 *
 * @param {NginxHTTPRequest} r
 * @param {Dialect} dialect
 * @param {Spend} spend
 * @param {number} bytes of the body, which has been read if the request's size matters
 * @param {string} path
 * @returns {boolean} false if something lacks, and has to be borrowed
 */
export function charge(r, dialect, spend, bytes, path) {
    if (spend.dirty) {
        reset(spend);
    }
    if (spend.sized) {
        measure(r, spend, bytes, path);
    }
    const now = Date.now();
    const held = take(spend, now);
    if (held === null) {
        return false;
    }
    r.variables.ostiary_held = held;
    if (spend.shown) {
        show(r, dialect, spend, null, now);
    }
    return true;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Dialect} dialect
 * @param {Spend} spend
 * @param {import('./lease.js').Question} question
 * @returns {Promise<string[] | null>} keys of the slots that it has then; null if it has been refused
 */
export async function borrow(r, dialect, spend, question) {
    spend.dirty = true;
    const held = await lease(r, dialect, spend, question);
    if (held === null) {
        return null;
    }
    r.variables.ostiary_held = held;
    show(r, dialect, spend, null, Date.now());
    return slotsOf(held);
}

/**
 * Where a limited request names no maximum of its output, the one that was reserved is written into it.
 *
 * @param {NginxHTTPRequest} r a managed one
 * @param {Spend} spend
 * @param {string} type of the provider
 */
export function cap(r, spend, type) {
    if (!spend.cap || asked(r.variables.ostiary_bounds || '', r.uri) >= 0) {
        return;
    }
    if (CAPPED.includes(r.uri)) {
        r.variables.ostiary_cap = capText(r.uri, type, spend.maxOutput);
    } else if (isGoogle(r.uri)) {
        capGoogle(r.variables, spend.maxOutput);
    }
}

/**
 * @param {NginxVariables} v
 * @param {number} most
 */
function capGoogle(v, most) {
    const body = JSON.parse(v.ostiary_body_before || '');
    const name = body.generation_config ? 'generation_config' : 'generationConfig';
    body[name] = {...body[name], maxOutputTokens: most};
    v.ostiary_body_before = JSON.stringify(body);
}

/**
 * @param {string} uri
 * @param {string} type of the provider
 * @param {number} most
 * @returns {string}
 */
export function capText(uri, type, most) {
    const chat = uri === '/v1/chat/completions' && type === 'openai' ? 'max_completion_tokens' : 'max_tokens';
    return `,"${uri === '/v1/responses' ? 'max_output_tokens' : chat}":${most}`;
}
