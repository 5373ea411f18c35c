// @ts-check
// The reply on its way to the client: kept by reference where usage may be, read in the log phase.
import {brokenEvent, dialectOf} from './dialects.js';
import {hider, visible} from './hide.js';
import {hideLimits} from './meters.js';
import {slotsOf} from './purses.js';
import {settle} from './registry.js';
import {byTheProvider, tellTry} from './truth.js';
import {keepTexts} from './uncounted.js';
import {collected, isOver, lacksUsage} from './usage.js';

const HEAD = 8192;
const TAIL = 16384;
const MANY = 64;
const FREE = /^\/v1\/(?:messages\/count_tokens|moderations|files|batches)(?:\/|$)/; // no model is asked
const SHORT = 4096;
const NOTHING = {head: '', tail: '', whole: true, last: false, bytes: 0, kept: 0};
const WE_ASKED = ',"stream_options":{"include_usage":true';

/**
 * What is kept of a reply. Lists begin empty because most replies are one chunk, and making an object is what this costs.
 *
 * @typedef {object} Seen
 * @property {import('./registry.js').Entry} entry
 * @property {boolean} translated
 * @property {number} bytes all that passed
 * @property {number} expected Content-Length, -1 if there is none
 * @property {boolean} last whether the provider came to the end of its reply
 * @property {boolean} broken whether it broke off, or fell silent for too long
 * @property {boolean} [over] whether it broke off when its last event had come
 * @property {boolean} begun whether the filter has been called before
 * @property {Kept | null} kept
 */

/**
 * @typedef {object} Kept
 * @property {Buffer[]} head first chunks, HEAD bytes or a little more
 * @property {number} headBytes
 * @property {Buffer[]} tail chunks after them, TAIL bytes or a little more
 * @property {number} tailBytes
 * @property {import('./hide.js').Hider | null} hider set where the usage chunk is not for the client
 */

/** @typedef {NginxHTTPRequest & {seen?: Seen}} Request */

/**
 * Begin to collect. Only a request that was accepted is collected: our own error replies pass the same filter.
 *
 * @param {Request} r
 * @param {import('./registry.js').Entry} entry
 * @param {boolean} [translated] whether it is asked in another dialect, without a plan
 */
export function collect(r, entry, translated = false) {
    r.seen = {entry, translated, bytes: 0, expected: -1, last: false, broken: false, begun: false, kept: null};
}

/**
 * js_body_filter. No flags are given to sendBuffer: nginx then takes them from the buffer itself.
 *
 * @param {Request} r
 * @param {Buffer} chunk
 * @param {NginxHTTPSendBufferOptions} flags
 */
export function body(r, chunk, flags) {
    const seen = r.seen;
    if (seen === undefined) {
        r.sendBuffer(chunk);
        r.done();
        return;
    }
    if (seen.bytes === 0) {
        const length = r.variables.upstream_http_content_length;
        if (length !== undefined) {
            seen.expected = +length;
            if (seen.expected === chunk.length && seen.expected > 0) {
                only(r, seen, chunk);
                return;
            }
        }
    }
    next(r, seen, chunk, flags);
}

/**
 * A reply in one chunk. A short one is left to the pattern of $ostiary_told in nginx.conf.
 *
 * @param {Request} r
 * @param {Seen} seen
 * @param {Buffer} chunk
 */
function only(r, seen, chunk) {
    r.sendBuffer(chunk);
    r.done();
    seen.bytes = chunk.length;
    seen.last = true;
    seen.kept = {head: [chunk], headBytes: chunk.length, tail: [], tailBytes: 0, hider: null};
    if (chunk.length <= SHORT && !seen.translated) {
        r.rawVariables.ostiary_reply = chunk;
    }
}

/**
 * @param {Request} r
 * @param {Seen} seen
 * @param {Buffer} chunk
 * @param {NginxHTTPSendBufferOptions} flags
 */
function next(r, seen, chunk, flags) {
    const length = chunk.length;
    let kept = seen.kept;
    if (kept === null) {
        const asked = seen.expected < 0 && (r.variables.ostiary_options || '').startsWith(WE_ASKED);
        kept = {head: [], headBytes: 0, tail: [], tailBytes: 0, hider: asked ? hider() : null};
        seen.kept = kept;
    }
    if (length > 0) {
        seen.bytes += length;
        remember(kept, chunk, length);
    } else if (!flags.last && seen.begun && !seen.last) {
        breakOff(r, seen, kept);
        return;
    }
    seen.begun = true;
    if (flags.last || seen.bytes === seen.expected) {
        seen.last = true;
    }
    if (kept.hider !== null) {
        const shown = visible(kept.hider, chunk, seen.last);
        if (shown.length > 0 || flags.last) {
            r.sendBuffer(shown);
        }
        return;
    }
    r.sendBuffer(chunk);
    if (seen.last) {
        r.done();
    }
}

/**
 * nginx lets an empty chunk through when the provider breaks off, or is silent for too long; and one at the very beginning
 * of a reply whose head came alone. The client of a managed stream is told. What nginx does next it cannot be kept from:
 * it closes the connection. So the stream is left without its last chunk, or the client would use the connection again.
 * Nothing is wrong with a stream whose last event has passed.
 *
 * @param {Request} r
 * @param {Seen} seen
 * @param {Kept} kept
 */
function breakOff(r, seen, kept) {
    const isStream = (r.headersOut['Content-Type'] || '').startsWith('text/event-stream');
    const chunks = kept.tail.length > 0 ? kept.tail : kept.head;
    if (isStream && isOver(text(chunks))) {
        seen.over = true;
        r.sendBuffer('');
        return;
    }
    seen.broken = true;
    if (r.variables.ostiary_path || !isStream) {
        r.sendBuffer('');
        return;
    }
    const end = kept.hider !== null || chunks.length === 0 ? '\n' : chunks[chunks.length - 1].subarray(-1).toString();
    r.sendBuffer((end === '\n' ? '' : '\n\n') + brokenEvent(dialectOf(r.uri)));
}

/**
 * @param {Kept} kept
 * @param {Buffer} chunk
 * @param {number} length
 */
function remember(kept, chunk, length) {
    if (kept.headBytes < HEAD) {
        kept.head.push(chunk);
        kept.headBytes += length;
        if (kept.head.length > MANY) {
            kept.head = [Buffer.concat(kept.head)];
        }
        return;
    }
    const tail = kept.tail;
    tail.push(chunk);
    kept.tailBytes += length;
    while (kept.tailBytes - tail[0].length >= TAIL) {
        kept.tailBytes -= /** @type {Buffer} */ (tail.shift()).length;
    }
    if (tail.length > MANY) {
        const all = Buffer.concat(tail);
        kept.tail = [all.subarray(Math.max(0, all.length - TAIL))];
        kept.tailBytes = kept.tail[0].length;
    }
}

/**
 * js_set for `if=` of the spool, in the log phase: the request is under way no more. Empty if it never was.
 *
 * @param {Request} r
 * @returns {string}
 */
export function line(r) {
    if (r.seen !== undefined) {
        if (r.seen.translated) {
            tellTry(r);
        }
        settle(r.seen.entry);
        return '1';
    }
    const v = r.variables;
    if (!v.ostiary_id) {
        return '';
    }
    settle(entryOf(v));
    return '1';
}

/**
 * @param {NginxVariables} v
 * @returns {import('./registry.js').Entry} of a request that was accepted in another context
 */
export function entryOf(v) {
    const held = v.ostiary_held;
    return {
        id: /** @type {string} */ (v.ostiary_id), fields: /** @type {string} */ (v.ostiary_fields),
        slots: held ? slotsOf(held) : undefined,
    };
}

/**
 * js_set for a header that is always empty: a provider's own limits, which are not the caller's, are taken out.
 *
 * @param {NginxHTTPRequest & {tell?: () => void}} r
 * @returns {string}
 */
export function onlyOurs(r) {
    hideLimits(r);
    return '';
}

/**
 * js_set in the log phase, for the replies that the pattern in nginx.conf does not read.
 *
 * @param {Request} r
 * @returns {string} JSON
 */
export function told(r) {
    const {seen} = r;
    return seen !== undefined && seen.translated ? byTheProvider(seen.entry.id, (known) => toldOf(r, known)) : toldOf(r);
}

/**
 * @param {Request} r
 * @param {number} [known] usage objects that are known elsewhere
 * @returns {string} JSON
 */
export function toldOf(r, known = 0) {
    const seen = r.seen;
    if (seen === undefined || seen.kept === null || seen.bytes === 0) {
        const last = seen !== undefined && (seen.last || hasNoBody(r));
        const count = seen !== undefined && !last && known === 0 && leftEarly(r, seen) && keepTexts(r, seen.entry.id, NOTHING);
        return `{"last":${last}${count ? ',"count":true' : ''}}`;
    }
    const {head, headBytes, tail, tailBytes} = seen.kept;
    const kept = headBytes + tailBytes;
    const whole = kept === seen.bytes;
    const reply = {head: text(head), tail: text(tail), whole, last: seen.last, bytes: seen.bytes, kept};
    const result = collected(reply);
    if (r.status < 300 && known === 0 && lacksUsage(result, reply.head)) {
        if (FREE.test(r.uri) && !r.variables.ostiary_path) {
            return JSON.stringify({...result, usage: [{input_tokens: 0, output_tokens: 0}]});
        }
        if (keepTexts(r, seen.entry.id, reply)) {
            return JSON.stringify({...result, count: true});
        }
    }
    return JSON.stringify(result);
}

/**
 * The provider had the prompt when the client left.
 *
 * @param {NginxHTTPRequest} r
 * @param {Seen} seen
 * @returns {boolean}
 */
function leftEarly(r, seen) {
    const v = r.variables;
    const connected = v.upstream_connect_time;
    if (v.ostiary_path || connected === undefined || connected.endsWith('-') || seen.broken) {
        return false;
    }
    return v.status === '499' || (v.request_completion !== 'OK' && (v.upstream_status || '').endsWith('200'));
}

/**
 * @param {Request} r
 * @returns {boolean} whether a reply without a body is all there is
 */
function hasNoBody(r) {
    const status = r.variables.upstream_status;
    return status !== undefined && (r.method === 'HEAD' || status === '204' || status === '304');
}

/**
 * @param {Buffer[]} chunks
 * @returns {string}
 */
function text(chunks) {
    if (chunks.length < 2) {
        return chunks.length === 0 ? '' : chunks[0].toString();
    }
    return Buffer.concat(chunks).toString();
}

export default {body, line, onlyOurs, told};
