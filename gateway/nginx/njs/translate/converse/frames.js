// @ts-check
// AWS event-stream frames, cut anywhere: four bytes of length, four of the headers' length, their CRC, headers, payload, CRC.
import {objectOf} from '../media.js';

const MOST = 4 * 1024 * 1024;
const [T0, T1, T2, T3] = tables();
const SIZES = [0, 0, 1, 2, 4, 8, -1, -1, 8, 16]; // of header values by type; -1: two bytes of length come first

/** @returns {Int32Array[]} of a CRC that takes four bytes at a time: it costs more than all else that is done to a frame */
function tables() {
    const all = [0, 1, 2, 3].map(() => new Int32Array(256));
    for (let n = 0; n < 256; n += 1) {
        let value = n;
        for (let bit = 0; bit < 8; bit += 1) {
            value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
        }
        all[0][n] = value;
    }
    for (const at of [1, 2, 3]) {
        all[at].forEach((_, n) => {
            all[at][n] = (all[at - 1][n] >>> 8) ^ all[0][all[at - 1][n] & 255];
        });
    }
    return all;
}

/**
 * @param {Buffer} bytes
 * @param {number} from
 * @param {number} to
 * @param {number} before the CRC of what comes before them
 */
function crc(bytes, from, to, before) {
    const own = new Uint8Array(to - from); // words need a beginning of their own
    own.set(bytes.subarray(from, to));
    const words = new Int32Array(own.buffer, 0, own.length >> 2);
    let value = ~before;
    for (let at = 0; at < words.length; at += 1) {
        value ^= words[at];
        value = T3[value & 255] ^ T2[(value >>> 8) & 255] ^ T1[(value >>> 16) & 255] ^ T0[value >>> 24];
    }
    for (let at = words.length * 4; at < own.length; at += 1) {
        value = (value >>> 8) ^ T0[(value ^ own[at]) & 255];
    }
    return ~value >>> 0;
}

/**
 * A frame is [name, payload]: the event's type; what is an exception has the name `exception` and its type in the payload's
 * `__type`. A frame that cannot be right is an exception too, and the last.
 *
 * @returns {{read(chunk: Buffer): [string, string][]}}
 */
export function frameReader() {
    /** @type {Buffer[]} */
    let rest = [];
    let have = 0;
    let need = 12; // Infinity once the stream is damaged
    return {
        read(chunk) {
            /** @type {[string, string][]} */
            const found = [];
            if (need === Infinity) {
                return found;
            }
            rest.push(chunk);
            have += chunk.length;
            if (have < need) {
                return found;
            }
            let bytes = rest.length === 1 ? chunk : Buffer.concat(rest);
            for (need = 12; bytes.length >= 12; need = 12) {
                need = bytes.readUInt32BE(0);
                const broken = need < 16 || need > MOST || bytes.readUInt32BE(4) > need - 16 || crc(bytes, 0, 8, 0) !== bytes.readUInt32BE(8);
                if (broken || (bytes.length >= need && crc(bytes, 8, need - 4, bytes.readUInt32BE(8)) !== bytes.readUInt32BE(need - 4))) {
                    found.push(['exception', '{"__type":"brokenFrame","message":"The provider\'s stream is damaged"}']);
                    bytes = bytes.subarray(0, 0);
                    need = Infinity;
                    break;
                }
                if (bytes.length < need) {
                    break;
                }
                found.push(frame(bytes.subarray(0, need)));
                bytes = bytes.subarray(need);
            }
            rest = bytes.length > 0 ? [bytes] : [];
            have = bytes.length;
            return found;
        },
    };
}

/**
 * @param {Buffer} bytes one whole frame
 * @returns {[string, string]}
 */
function frame(bytes) {
    const headersEnd = 12 + bytes.readUInt32BE(4);
    const headers = headersOf(bytes, 12, headersEnd);
    const payload = bytes.subarray(headersEnd, bytes.length - 4).toString();
    const type = headers[':message-type'];
    if (type === 'error') {
        return ['exception', JSON.stringify({__type: headers[':error-code'], message: headers[':error-message']})];
    }
    if (type === 'exception') {
        return ['exception', JSON.stringify({__type: headers[':exception-type'], ...objectOf(payload)})];
    }
    return [headers[':event-type'] || '', payload];
}

/**
 * @param {Buffer} bytes
 * @param {number} from
 * @param {number} to
 * @returns {Record<string, string>} those that are text
 */
function headersOf(bytes, from, to) {
    /** @type {Record<string, string>} */
    const headers = {};
    for (let at = from; at < to;) {
        const end = at + 1 + bytes[at];
        const name = bytes.subarray(at + 1, end).toString();
        const type = bytes[end];
        const size = SIZES[type];
        if (size === undefined) {
            break;
        }
        at = end + 1;
        if (size < 0) {
            const length = bytes.readUInt16BE(at);
            at += 2;
            if (type === 7) {
                headers[name] = bytes.subarray(at, at + length).toString();
            }
            at += length;
        } else {
            at += size;
        }
    }
    return headers;
}
