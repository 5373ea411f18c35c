// @ts-check
// Server-sent events, cut anywhere: only what is open is kept.

const LF = 10;
const CR = 13;
const MOST = 16 * 1024 * 1024;

/**
 * An event is [name, data]; one of comments alone has no data, and stands for a ping.
 *
 * @returns {{read(chunk: Buffer, last: boolean): [string, string][]}}
 */
export function eventReader() {
    /** @type {Buffer[]} */
    let held = [];
    let size = 0;
    return {
        read(chunk, last) {
            if (!last && chunk.indexOf(LF) < 0) {
                hold(chunk);
                return [];
            }
            const all = held.length === 0 ? chunk : Buffer.concat([...held, chunk]);
            const end = last ? all.length : lastEnd(all);
            held = [];
            size = 0;
            if (end < all.length) {
                hold(all.subarray(end));
            }
            return end === 0 ? [] : events(all.subarray(0, end).toString());
        },
    };

    /** @param {Buffer} chunk */
    function hold(chunk) {
        held.push(chunk);
        size += chunk.length;
        if (size > MOST) {
            throw new Error('an event of the provider has no end');
        }
    }
}

/**
 * @param {Buffer} bytes
 * @returns {number} where the last event that is whole has ended, 0 if there is none
 */
function lastEnd(bytes) {
    for (let at = bytes.lastIndexOf(LF); at > 0; at = bytes.lastIndexOf(LF, at - 1)) {
        if (bytes[at - 1] === LF || (bytes[at - 1] === CR && bytes[at - 2] === LF)) {
            return at + 1;
        }
    }
    return 0;
}

/**
 * @param {string} text
 * @returns {[string, string][]}
 */
function events(text) {
    /** @type {[string, string][]} */
    const found = [];
    let name = '';
    let data = '';
    let isEmpty = true;
    for (const line of text.split('\n')) {
        const end = line.charCodeAt(line.length - 1) === CR ? line.length - 1 : line.length;
        if (end === 0) {
            if (!isEmpty) {
                found.push([name, data]);
            }
            name = '';
            data = '';
            isEmpty = true;
            continue;
        }
        isEmpty = false;
        if (line.startsWith('data:')) {
            const value = line.slice(line.charCodeAt(5) === 32 ? 6 : 5, end);
            data = data === '' ? value : data + '\n' + value;
        } else if (line.startsWith('event:')) {
            name = line.slice(6, end).trim();
        }
    }
    if (!isEmpty) {
        found.push([name, data]); // the stream's end is the event's
    }
    return found;
}
