// @ts-check
// What went wrong here, for people. nginx would put the request line beside each message, with whatever its query holds,
// so a message waits in shared memory until sweep.js says it.

const waiting = ngx.shared.ostiary_complaints;

/**
 * @param {string} text without anything that came from a caller
 */
export function complain(text) {
    try {
        waiting.add(text.slice(0, 512), '1');
    } catch {
        // so many different ones that there is no place: the first of them are said
    }
}
