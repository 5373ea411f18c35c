// @ts-check
// Takes the usage chunk out of a stream whose client did not ask for it: we did.

const LONGEST = 8192; // no usage chunk is longer; an event that is goes through as it comes
const EMPTY_CHOICES = ['"choices":[]', '"choices": []'];
const LF = 10;
const CR = 13;

/**
 * @typedef {object} Hider
 * @property {Buffer | null} held beginning of an event whose end has not come
 */

/** @returns {Hider} */
export function hider() {
    return {held: null};
}

/**
 * @param {Hider} state
 * @param {Buffer} chunk
 * @param {boolean} last whether nothing comes after it
 * @returns {Buffer} what the client may see now
 */
export function visible(state, chunk, last) {
    if (state.held === null && endsEvent(chunk) && !mayBeUsage(chunk)) {
        return chunk;
    }
    const bytes = state.held === null ? chunk : Buffer.concat([state.held, chunk]);
    const end = last ? bytes.length : lastEventEnd(bytes);
    const rest = bytes.subarray(end);
    if (rest.length > LONGEST) {
        state.held = null;
        return bytes;
    }
    state.held = rest.length > 0 ? Buffer.from(rest) : null;
    const events = bytes.subarray(0, end);
    return mayBeUsage(events) ? withoutUsage(events) : events;
}

/**
 * @param {Buffer} bytes whole events, the last of them perhaps without its end
 * @returns {Buffer}
 */
function withoutUsage(bytes) {
    const shown = [];
    let from = 0;
    for (let end = eventEnd(bytes, from); from < bytes.length; end = eventEnd(bytes, from)) {
        const event = bytes.subarray(from, end);
        if (!isUsage(event)) {
            shown.push(event);
        }
        from = end;
    }
    return Buffer.concat(shown);
}

/**
 * @param {Buffer} bytes
 * @returns {boolean} whether an event ends where the bytes do
 */
function endsEvent(bytes) {
    const n = bytes.length;
    if (n < 2 || bytes[n - 1] !== LF) {
        return false;
    }
    return bytes[n - 2] === LF || (n > 3 && bytes[n - 2] === CR && bytes[n - 3] === LF && bytes[n - 4] === CR);
}

/**
 * @param {Buffer} bytes
 * @param {number} from
 * @returns {number} where the event that begins at `from` has ended
 */
function eventEnd(bytes, from) {
    for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
        if (bytes[at + 1] === LF) {
            return at + 2;
        }
        if (bytes[at + 1] === CR && bytes[at + 2] === LF) {
            return at + 3;
        }
    }
    return bytes.length;
}

/**
 * @param {Buffer} bytes
 * @returns {number} where the last event that is whole has ended
 */
function lastEventEnd(bytes) {
    for (let at = bytes.lastIndexOf(LF); at > 0; at = bytes.lastIndexOf(LF, at - 1)) {
        if (bytes[at - 1] === LF || (bytes[at - 1] === CR && bytes[at - 2] === LF)) {
            return at + 1;
        }
    }
    return 0;
}

/**
 * @param {Buffer} bytes
 * @returns {boolean} false if no event in them has empty choices
 */
function mayBeUsage(bytes) {
    return EMPTY_CHOICES.some((text) => bytes.indexOf(text) >= 0);
}

/**
 * @param {Buffer} event
 * @returns {boolean}
 */
function isUsage(event) {
    if (event.length > LONGEST || !mayBeUsage(event)) {
        return false;
    }
    const data = event.toString().split(/\r?\n/).filter((line) => line.startsWith('data:'));
    try {
        const chunk = JSON.parse(data.map((line) => line.slice(5)).join('\n'));
        return Array.isArray(chunk.choices) && chunk.choices.length === 0 && typeof chunk.usage === 'object'
            && chunk.usage !== null;
    } catch {
        return false;
    }
}
