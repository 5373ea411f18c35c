// @ts-check
// How much retrying the whole gateway may do, so that retries cannot become a storm.
import settings from './settings.js';

const BUCKET_MS = 10_000;
const pid = String(process.pid);

const tallies = ngx.shared.ostiary_tallies;
const counts = ngx.shared.ostiary_counts;

/**
 * @param {string} letter
 * @param {number} now
 */
function count(letter, now) {
    tallies.incr(letter + Math.floor(now / BUCKET_MS), 1, 0, 3 * BUCKET_MS);
}

/**
 * @param {string} letter
 * @param {number} now
 * @returns {number} so many in the last ten seconds: of the bucket before, the part that is still within them
 */
function recent(letter, now) {
    const bucket = Math.floor(now / BUCKET_MS);
    const gone = now / BUCKET_MS - bucket;
    return Number(tallies.get(letter + bucket) || 0) + Number(tallies.get(letter + (bucket - 1)) || 0) * (1 - gone);
}

/**
 * A planned request begins.
 *
 * @param {number} now
 */
export function planned(now) {
    count('planned:', now);
}

/**
 * @param {number} now
 * @returns {boolean} whether one more retry is within the budget; it counts then
 */
export function mayRetry(now) {
    const most = settings.budgetMinimum + recent('planned:', now) * settings.budgetPercent / 100;
    if (recent('retries:', now) + 1 > most) {
        return false;
    }
    count('retries:', now);
    return true;
}

/** @returns {boolean} whether so many requests are between their first failure and their end that no more may be (PL-08) */
export function isFull() {
    return Number(counts.get('retrying') || 0) >= settings.retryConcurrency;
}

/** The first failure of a request. The sweep takes back what a dead worker held. */
export function enter() {
    counts.incr('retrying', 1, 0);
    counts.incr('retrying:' + pid, 1, 0);
}

/** Its end. */
export function leave() {
    counts.incr('retrying', -1, 0);
    counts.incr('retrying:' + pid, -1, 0);
}

/** @param {string} dead process id */
export function release(dead) {
    const held = Number(counts.get('retrying:' + dead) || 0);
    if (held !== 0) {
        counts.incr('retrying', -held, 0);
        counts.delete('retrying:' + dead);
    }
}

/**
 * @param {string} name
 * @returns {number} 0, 1, 2, ... over all workers
 */
export function turn(name) {
    return tallies.incr('turn:' + name, 1, -1);
}
