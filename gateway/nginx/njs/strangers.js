// @ts-check
// Requests of nobody we know, per source address (GZ-16): refused cheaply once there are too many of them.
//
// ostiary_strangers: `<address>.<slot>` refusals of ten seconds       ostiary_acquainted: hash of each key that was good lately
import settings from './settings.js';

const SLOT_MS = 10_000;
const SLOTS = 6; // of a minute, and the one that is under way

const strangers = ngx.shared.ostiary_strangers;
const acquainted = ngx.shared.ostiary_acquainted;

/**
 * Somebody was refused whom nobody knows.
 *
 * @param {NginxHTTPRequest} r
 */
export function count(r) {
    if (settings.anonymousPerMinute > 0) {
        strangers.incr(`${r.remoteAddress}.${Math.floor(Date.now() / SLOT_MS)}`, 1, 0);
    }
}

/**
 * Its owner is never turned away for what others do at the same address.
 *
 * @param {string} hash of a key
 */
export function acquaint(hash) {
    acquainted.set(hash, 1);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {string} [hash] of the key that it shows, if any
 * @returns {{status: number, message: string} | null} null if it may go on; else it is told when to come again
 */
export function turnedAway(r, hash) {
    const most = settings.anonymousPerMinute;
    if (most === 0) {
        return null;
    }
    const again = fullFor(r.remoteAddress, most, Date.now());
    if (again === 0 || (hash !== undefined && acquainted.has(hash))) {
        return null;
    }
    r.headersOut['Retry-After'] = String(Math.ceil(again / 1000));
    return {status: 429, message: 'rate limit exceeded'};
}

/**
 * @param {string} address
 * @param {number} most
 * @param {number} now
 * @returns {number} ms until one more is looked at, 0 if it is now
 */
function fullFor(address, most, now) {
    const slot = Math.floor(now / SLOT_MS);
    const counts = [];
    for (let back = SLOTS; back >= 0; back -= 1) {
        counts.push(Number(strangers.get(`${address}.${slot - back}`) || 0));
    }
    let sum = counts.reduce((all, n) => all + n, 0);
    let gone = 0;
    for (; gone < counts.length && sum >= most; gone += 1) {
        sum -= counts[gone];
    }
    return gone === 0 ? 0 : (slot - SLOTS + gone + SLOTS) * SLOT_MS - now;
}

/**
 * @param {NginxHTTPRequest} r that shows no key at all
 * @param {number} status
 * @param {string} message
 * @returns {{status: number, message: string}} what it is told
 */
export function withoutKey(r, status, message) {
    const away = turnedAway(r);
    if (away === null) {
        count(r);
    }
    return away || {status, message};
}
