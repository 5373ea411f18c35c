// @ts-check
// How an attempt went, and what that teaches about the backend.
import {block, failed, measured, slow, succeeded} from './backends.js';
import {countsForBreaker, errorType, highLatency, MOST_RETRY_AFTER_MS, retryAfterMs} from './policy.js';
import settings from './settings.js';

const BUSY_MS = 60_000; // a credential that met 429 without a Retry-After
const REFUSED_MS = 300_000; // one that met 401 or 403

const REFUSED = 'refused'; // by the translator or the guard: the provider was never asked

/** @typedef {import('./plans.js').Plan} Plan */
/** @typedef {import('./plans.js').Target} Target */
/** @typedef {import('./policy.js').Failure} Failure */
/** @typedef {import('./trip.js').Trip} Trip */

/**
 * @param {string | undefined} column of one of nginx's upstream variables: all attempts so far
 * @returns {string} of the last of them
 */
function newest(column) {
    const text = column || '';
    return text.slice(text.lastIndexOf(' ') + 1);
}

/**
 * @param {NginxHTTPRequest} r
 * @returns {string | undefined} what the guard or the translator says in a provider's stead; a provider cannot say it
 */
function verdictOf(r) {
    const v = r.variables;
    return v.ostiary_guard || v.ostiary_translate ? v.upstream_http_x_ostiary_guard : undefined;
}

/**
 * nginx notes 502 and 504 where there was no answer; only the header's time tells.
 *
 * @param {NginxHTTPRequest} r
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {number} now
 * @returns {Failure}
 */
export function failureOf(r, plan, trip, now) {
    const v = r.variables;
    const guard = verdictOf(r);
    if (guard === REFUSED) {
        return {kind: 'status', status: r.status || +newest(v.upstream_status)};
    }
    const statuses = (v.upstream_status || '').split(' : ');
    const status = statuses.length <= trip.failures.length ? 0 : +statuses[statuses.length - 1];
    const answered = newest(v.upstream_header_time) !== '-' && status > 0;
    if (guard === 'timeout' || (!answered && status === 504 && newest(v.upstream_connect_time) !== '-')) {
        const limit = plan.policy === null ? settings.readMs : settings.attemptMs;
        return {kind: 'timeout', ms: plan.guarded ? now - trip.sent : limit};
    }
    return guard === undefined && answered ? {kind: 'status', status} : {kind: 'connection'};
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Failure} failure
 * @returns {string} as the record names it
 */
export function errorOf(r, failure) {
    if (verdictOf(r) === REFUSED) {
        return failure.kind === 'status' && failure.status >= 500 ? 'gateway_error' : 'not_expressible';
    }
    return errorType(failure);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {Failure} failure
 * @param {number} now
 */
export function learnFailure(r, plan, trip, failure, now) {
    const target = plan.targets[trip.at];
    const verdict = verdictOf(r);
    const guardAway = plan.guarded && failure.kind === 'connection' && verdict === undefined;
    if (guardAway || verdict === REFUSED) {
        return; // which says nothing of the provider; a claim is given back at the end
    }
    if (countsForBreaker(failure)) {
        failed(target, trip.claimed, now);
    } else {
        succeeded(target, trip.claimed, now);
    }
    trip.claimed = false;
    if (failure.kind === 'status' && failure.status >= 400) {
        learnRefusal(r, plan, trip, target, failure.status, now);
    } else if (failure.kind === 'timeout') {
        measured(target.id, now - trip.sent, now);
        learnLatency(plan, trip, now - trip.sent, now - trip.sent, now);
    }
}

/**
 * A pool's credential is taken out for its own time, not the whole target.
 *
 * @param {NginxHTTPRequest} r
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {Target} target
 * @param {number} status
 * @param {number} now
 */
function learnRefusal(r, plan, trip, target, status, now) {
    const {policy} = plan;
    const asked = retryAfterMs(r.variables.upstream_http_retry_after, now, policy ? policy.retry_after.max_ms : MOST_RETRY_AFTER_MS);
    trip.retryAfter = Math.max(trip.retryAfter, asked);
    const credential = target.credentialScopes[trip.credential];
    if (credential !== undefined && status === 429) {
        block(credential, now + (asked < 0 ? BUSY_MS : asked), 'retry_after', now);
    } else if (credential !== undefined && (status === 401 || status === 403)) {
        block(credential, now + REFUSED_MS, 'credential', now);
    } else if (policy !== null && asked > 0) {
        const scope = policy.retry_after.scope === 'provider' ? target.providerScope : target.modelScope;
        if (policy.retry_after.apply_to === 'request') {
            trip.blocks[scope] = Math.max(trip.blocks[scope] || 0, now + asked);
        } else {
            block(scope, now + asked, 'retry_after', now);
        }
    }
}

/**
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {number} ttfb
 * @param {number} total
 * @param {number} now
 * @returns {boolean} whether it was too slow
 */
export function learnLatency(plan, trip, ttfb, total, now) {
    const rule = plan.policy ? plan.policy.on_high_latency : null;
    if (!rule || !highLatency(rule, ttfb, total)) {
        return false;
    }
    const target = plan.targets[trip.at];
    const scope = rule.scope === 'provider' ? target.providerScope : target.modelScope;
    if (rule.apply_to === 'request') {
        trip.blocks[scope] = Math.max(trip.blocks[scope] || 0, now + rule.block_ms);
    } else {
        slow(scope, rule, now);
    }
    return true;
}
