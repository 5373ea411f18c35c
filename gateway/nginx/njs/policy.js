// @ts-check
// What follows from a failed attempt: whether to try again, where, after how long, and what to say when it is over.
//
// Rules only, from values to values; the same as ostiary_gateway.policy, held to it by tests/golden/policy. Names and
// semantics are behaviour.md 2.2 and 2.3 (PL-). Times are milliseconds.

/** nginx allows ten internal redirects, and two are the gateway's own. */
export const MOST_RETRIES = 8;
export const MOST_RETRY_AFTER_MS = 300_000;

const BUILT_IN = [401, 402, 403, 404, 502, 503, 504]; // GZ-14
const ONLY_IF_LISTED = [400, 422];
const CLIENT_CLOSED = 499; // nginx cannot intercept it
const IMF_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** @typedef {'same_model' | 'same_provider' | 'different_provider' | 'any'} Strategy `any` is the built-in policy's */

/** @typedef {{strategy: Strategy, maxAttempts: number}} Rule */

/**
 * @typedef {{kind: 'status', status: number} | {kind: 'timeout', ms: number} | {kind: 'connection'}
 *     | {kind: 'high_latency', ms: number, thresholdMs: number}} Failure
 */

/**
 * @typedef {object} LatencyRule
 * @property {number} threshold_ms
 * @property {'ttfb' | 'total'} measure
 * @property {Strategy} strategy
 * @property {number} max_attempts
 */

/**
 * What is read here of contract/model.py's RetryPolicy.
 *
 * @typedef {object} Policy
 * @property {number[]} fallbacks
 * @property {Strategy} default_strategy
 * @property {number} default_max_attempts
 * @property {{codes: number[][], strategy: Strategy, max_attempts: number}[]} on_status_codes
 * @property {{strategy: Strategy, max_attempts: number} | null} [on_timeout]
 * @property {LatencyRule | null} [on_high_latency]
 * @property {{apply_to: 'same_model' | 'same_provider' | 'global', base_ms: number, max_ms: number, jitter: boolean} | null} [backoff]
 * @property {number} max_duration_ms
 */

/**
 * What is read here of contract/decision.py's Plan; fields that have their default value are absent.
 *
 * @typedef {object} Plan
 * @property {Policy | null} [policy]
 * @property {{provider: string, priority?: number}[]} targets
 */

/**
 * @param {Policy | null | undefined} policy none is the built-in one
 * @param {Failure} failure
 * @returns {Rule | null} null if it is not to be tried again
 */
export function matchFailure(policy, failure) {
    if (!policy) {
        const again = failure.kind !== 'status' || BUILT_IN.includes(failure.status);
        return again ? {strategy: 'any', maxAttempts: MOST_RETRIES} : null;
    }
    const {default_strategy: strategy, default_max_attempts: maxAttempts} = policy;
    if (failure.kind === 'status') {
        return failure.status < 400 || failure.status === CLIENT_CLOSED ? null : ofStatus(policy, failure.status);
    }
    const special = failure.kind === 'high_latency' ? policy.on_high_latency : policy.on_timeout;
    return special ? {strategy: special.strategy, maxAttempts: special.max_attempts} : {strategy, maxAttempts};
}

/**
 * @param {Policy} policy
 * @param {number} status
 * @returns {Rule | null}
 */
function ofStatus(policy, status) {
    for (const {codes, strategy, max_attempts: maxAttempts} of policy.on_status_codes) {
        if (codes.some(([first, last]) => first <= status && status <= last)) {
            return {strategy, maxAttempts};
        }
    }
    if (ONLY_IF_LISTED.includes(status)) {
        return null;
    }
    return {strategy: policy.default_strategy, maxAttempts: policy.default_max_attempts};
}

/**
 * @param {Failure} failure
 * @returns {string} as the body of an exhausted request and the ledger name it
 */
export function errorType(failure) {
    switch (failure.kind) {
        case 'status':
            return `http_${failure.status}`;
        case 'timeout':
            return `timeout_${failure.ms}ms`;
        case 'high_latency':
            return `high_latency_${failure.ms}ms_threshold_${failure.thresholdMs}ms`;
        default:
            return 'connection_error';
    }
}

/**
 * @param {Failure} failure
 * @returns {number} the client's status if nothing came after it
 */
export function failureStatus(failure) {
    switch (failure.kind) {
        case 'status':
            return failure.status;
        case 'connection':
            return 502;
        default:
            return 504;
    }
}

/**
 * @param {Failure} failure
 * @returns {boolean} whether it says that the backend is ill (GZ-15): never 429 or another 4xx
 */
export function countsForBreaker(failure) {
    return failure.kind === 'status' ? failure.status >= 500 : failure.kind !== 'high_latency';
}

/**
 * @param {Rule} rule
 * @param {number} done retries made, 0 after the first attempt
 * @returns {number}
 */
export function retriesLeft(rule, done) {
    return Math.max(0, Math.min(rule.maxAttempts, MOST_RETRIES) - done);
}

/**
 * Where the retry goes: the policy's fallbacks in order, then the other targets by priority (PL-02). `same_model` is the
 * same target again; where nothing but Retry-After blocks it, it is waited for.
 *
 * @param {Plan} plan
 * @param {number[]} tried
 * @param {number} current
 * @param {Strategy} strategy
 * @param {(i: number, waiting: boolean) => boolean} eligible `waiting`: a Retry-After block does not count
 * @returns {number} -1 if there is none
 */
export function nextTarget(plan, tried, current, strategy, eligible) {
    if (strategy === 'same_model') {
        return eligible(current, true) ? current : -1;
    }
    const {targets} = plan;
    const from = targets[current].provider;
    for (const i of inOrder(plan)) {
        const fits = strategy === 'any' || (targets[i].provider === from) === (strategy === 'same_provider');
        if (fits && i !== current && !tried.includes(i) && eligible(i, false)) {
            return i;
        }
    }
    return -1;
}

/**
 * @param {Plan} plan
 * @returns {number[]} every target, fallbacks first
 */
function inOrder({policy, targets}) {
    const fallbacks = policy ? policy.fallbacks : [];
    const rest = targets.map((_, i) => i).filter((i) => !fallbacks.includes(i));
    rest.sort((a, b) => (targets[a].priority ?? 0) - (targets[b].priority ?? 0) || a - b);
    return [...fallbacks, ...rest];
}

/**
 * PL-03.
 *
 * @param {Policy | null | undefined} policy
 * @param {number} n 1 for the first retry
 * @param {boolean} sameModel whether the retry goes to the target that failed
 * @param {boolean} sameProvider
 * @param {() => number} random from 0 to 1
 * @returns {number}
 */
export function backoffMs(policy, n, sameModel, sameProvider, random) {
    const backoff = policy ? policy.backoff : null;
    if (!backoff || (backoff.apply_to === 'same_model' && !sameModel) || (backoff.apply_to === 'same_provider' && !sameProvider)) {
        return 0;
    }
    const full = Math.min(backoff.base_ms * 2 ** (n - 1), backoff.max_ms);
    return Math.floor(backoff.jitter ? full * (0.5 + random() / 2) : full);
}

/**
 * A switch never waits for the Retry-After of the target that it leaves (2.5, defect 3).
 *
 * @param {number} backoff
 * @param {boolean} sameTarget
 * @param {number} retryAfterLeft what remains of the target's block
 * @returns {number}
 */
export function waitMs(backoff, sameTarget, retryAfterLeft) {
    return sameTarget ? Math.max(backoff, retryAfterLeft) : backoff;
}

/**
 * @param {Policy | null | undefined} policy
 * @param {number} elapsed since the first retry was planned
 * @param {number} wait planned before this one
 * @returns {boolean} whether the time for retries allows it
 */
export function mayBegin(policy, elapsed, wait) {
    return !policy || policy.max_duration_ms === 0 || elapsed + wait <= policy.max_duration_ms;
}

/**
 * Seconds or an HTTP date (PL-04); what is neither is ignored.
 *
 * @param {string | null | undefined} value of the header
 * @param {number} now
 * @param {number} most
 * @returns {number} from now on, -1 without a value that can be read
 */
export function retryAfterMs(value, now, most) {
    const text = (value || '').trim();
    if (/^\d{1,300}$/.test(text)) {
        return Math.min(+text * 1000, most);
    }
    const until = dateMs(text);
    return until < 0 ? -1 : Math.min(Math.max(until - now, 0), most);
}

/**
 * @param {string} text
 * @returns {number} Unix ms of an IMF-fixdate, -1 if it is none
 */
function dateMs(text) {
    const found = IMF_DATE.exec(text);
    if (found === null) {
        return -1;
    }
    const [day, year, hour, minute, second] = [found[1], found[3], found[4], found[5], found[6]].map(Number);
    const month = MONTHS.indexOf(found[2]);
    if (month < 0 || year < 1970 || hour > 23 || minute > 59 || second > 60 || day < 1 || day > monthDays(year, month)) {
        return -1;
    }
    return Date.UTC(year, month, day, hour, minute, second);
}

/**
 * @param {number} year
 * @param {number} month from 0
 * @returns {number}
 */
function monthDays(year, month) {
    return new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
}

/**
 * @param {LatencyRule | null | undefined} rule
 * @param {number} ttfb
 * @param {number} total
 * @returns {boolean} whether an answer was too slow: strictly more than the threshold
 */
export function highLatency(rule, ttfb, total) {
    return !!rule && (rule.measure === 'total' ? total : ttfb) > rule.threshold_ms;
}

/**
 * Count a slow answer. Making a block starts the count anew.
 *
 * @param {number[]} times of the slow answers before
 * @param {number} now
 * @param {number} window
 * @param {number} least so many within the window make a block
 * @returns {{times: number[], block: boolean}} what to keep
 */
export function triggered(times, now, window, least) {
    const kept = [...times.filter((time) => time > now - window), now];
    return kept.length >= least ? {times: [], block: true} : {times: kept, block: false};
}

/**
 * The end of a request that nobody could answer (2.3).
 *
 * @param {{model: string, failure: Failure}[]} tries in order; `model` is `<prefix>/<provider model>`
 * @param {{model: string, budget: boolean, retryAfterSeenMs: number, shortestBlockMs: number}} facts `model` as resolved,
 *     `budget` whether a budget and not the policy ended it, the largest Retry-After seen and the shortest block left or -1
 * @returns {{status: number, error: object, retryAfter: number}} `retryAfter` in seconds, 0 for no such header
 */
export function exhausted(tries, facts) {
    const last = tries.length === 0 ? null : tries[tries.length - 1].failure;
    const count = `${tries.length} ${tries.length === 1 ? 'attempt' : 'attempts'}`;
    const shortest = seconds(facts.shortestBlockMs);
    return {
        status: last === null ? 502 : failureStatus(last),
        error: {
            message: `no backend of ${facts.model} could answer: ${count}${last === null ? '' : `, the last ended with ${errorType(last)}`}`,
            type: 'retry_exhausted',
            attempts: tries.map(({model, failure}, i) => ({model, error_type: errorType(failure), attempt: i + 1})),
            total_attempts: tries.length,
            retry_budget_exhausted: facts.budget,
            ...(facts.retryAfterSeenMs < 0 ? {} : {observed_max_retry_after_seconds: seconds(facts.retryAfterSeenMs)}),
            ...(facts.shortestBlockMs < 0 ? {} : {shortest_remaining_block_seconds: shortest}),
        },
        retryAfter: Math.max(0, shortest),
    };
}

/**
 * @param {number} ms
 * @returns {number}
 */
function seconds(ms) {
    return Math.ceil(ms / 1000);
}
