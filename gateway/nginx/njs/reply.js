// @ts-check
// The reply on its way to the client: kept by reference where usage may be, read in the log phase.
import {visible} from './hide.js';
import {settle} from './registry.js';
import {collected} from './usage.js';

const HEAD = 8192;
const TAIL = 16384;
const MANY = 64;

/**
 * @typedef {object} Seen
 * @property {Buffer[]} head first chunks, HEAD bytes or a little more
 * @property {number} headBytes
 * @property {Buffer[]} tail chunks after them, TAIL bytes or a little more
 * @property {number} tailBytes
 * @property {number} bytes all that passed
 * @property {number} expected Content-Length, -1 if there is none
 * @property {boolean} last whether the provider came to the end of its reply
 * @property {import('./hide.js').Hider | null} hider set where the usage chunk is not for the client
 */

/** @typedef {NginxHTTPRequest & {seen?: Seen}} Request */

/**
 * Begin to collect. Only a request that was accepted is collected: our own error replies pass the same filter.
 *
 * @param {Request} r
 * @param {import('./hide.js').Hider | null} hider
 */
export function collect(r, hider) {
    r.seen = {head: [], headBytes: 0, tail: [], tailBytes: 0, bytes: 0, expected: -1, last: false, hider};
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
    const length = chunk.length;
    if (length > 0) {
        if (seen.bytes === 0) {
            seen.expected = +(r.variables.upstream_http_content_length || -1);
        }
        seen.bytes += length;
        remember(seen, chunk, length);
    }
    if (flags.last || seen.bytes === seen.expected) {
        seen.last = true;
    }
    if (seen.hider === null || seen.expected >= 0) {
        r.sendBuffer(chunk);
        if (seen.last) {
            r.done();
        }
        return;
    }
    const shown = visible(seen.hider, chunk, seen.last);
    if (shown.length > 0 || flags.last) {
        r.sendBuffer(shown);
    }
}

/**
 * @param {Seen} seen
 * @param {Buffer} chunk
 * @param {number} length
 */
function remember(seen, chunk, length) {
    if (seen.headBytes < HEAD) {
        seen.head.push(chunk);
        seen.headBytes += length;
        if (seen.head.length > MANY) {
            seen.head = [Buffer.concat(seen.head)];
        }
        return;
    }
    const tail = seen.tail;
    tail.push(chunk);
    seen.tailBytes += length;
    while (seen.tailBytes - tail[0].length >= TAIL) {
        seen.tailBytes -= /** @type {Buffer} */ (tail.shift()).length;
    }
    if (tail.length > MANY) {
        seen.tail = [Buffer.concat(tail)];
    }
}

/**
 * js_set in the log phase: the request is under way no more, and this is what its reply told.
 *
 * @param {Request} r
 * @returns {string} JSON
 */
export function line(r) {
    const v = r.variables;
    if (!v.ostiary_id) {
        return '';
    }
    settle(v.ostiary_id, /** @type {string} */ (v.ostiary_fields));
    const seen = r.seen;
    if (seen === undefined) {
        return '{"last":false}';
    }
    if (seen.bytes === 0) {
        return `{"last":${seen.last || hasNoBody(r)}}`;
    }
    const whole = seen.headBytes + seen.tailBytes === seen.bytes;
    const reply = {head: text(seen.head), tail: text(seen.tail), whole, last: seen.last, bytes: seen.bytes};
    return JSON.stringify(collected(reply));
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

export default {body, line};
