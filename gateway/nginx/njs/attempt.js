// @ts-check
// What follows from a failed attempt: the next one, or the end.
import {giveBack} from './backends.js';
import {enter, isFull, leave, mayRetry} from './budget.js';
import {aim} from './aim.js';
import {sayExhausted} from './exhausted.js';
import {errorOf, failureOf, learnFailure} from './outcome.js';
import {planOf} from './plans.js';
import {backoffMs, matchFailure, mayBegin, nextTarget, retriesLeft, waitMs} from './policy.js';
import {hasAnotherCredential, left, ordered, pause, pickCredential, take} from './targets.js';
import {save, tell} from './trip.js';

const MOST_JUMPS = 10; // nginx's own limit

/** @typedef {import('./plans.js').Plan} Plan */
/** @typedef {import('./policy.js').Failure} Failure */
/** @typedef {import('./trip.js').Request} Request */
/** @typedef {import('./trip.js').Trip} Trip */

/**
 * @param {Request} r
 * @param {Trip} trip
 */
export async function retry(r, trip) {
    const plan = planFor(trip);
    trip.jumps += 1;
    if (plan === undefined) {
        throw new Error('the plan of a request under way is gone');
    }
    const failure = note(r, plan, trip, Date.now());
    delete r.headersOut['WWW-Authenticate']; // nginx keeps that of a 401 which it intercepts
    for (;;) {
        const step = next(plan, trip, failure);
        if (step.at < 0) {
            sayExhausted(r, plan, trip, step.budget);
            return;
        }
        if (step.wait > 0) {
            await new Promise((resolve) => setTimeout(() => resolve(undefined), step.wait));
        }
        if (take(plan.targets[step.at], trip, Date.now())) {
            launch(r, plan, trip, step.at, step.wait);
            return;
        }
        // Another request is trying it just now, so the next look leaves it out.
    }
}

/**
 * @param {Trip} trip
 * @returns {Plan | undefined}
 */
export function planFor(trip) {
    const plan = planOf(trip.generation, trip.name);
    return plan === undefined ? undefined : ordered(plan, trip.order);
}

/**
 * @param {Request} r
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {number} now
 * @returns {Failure} of the attempt that is over, learnt from
 */
export function note(r, plan, trip, now) {
    const failure = failureOf(r, plan, trip, now);
    learnFailure(r, plan, trip, failure, now);
    trip.failures.push(failure);
    trip.attempts[trip.attempts.length - 1][3] = errorOf(r, failure);
    tell(r, trip, plan.model);
    return failure;
}

/**
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {Failure} failure
 * @returns {{at: number, wait: number, budget: boolean}} `at` -1: no more; `budget`: because there may be no more retries
 */
function next(plan, trip, failure) {
    const now = Date.now();
    const end = {at: -1, wait: 0, budget: false};
    const rule = matchFailure(plan.policy, failure);
    if (rule === null || retriesLeft(rule, trip.failures.length - 1) <= 0 || trip.jumps >= MOST_JUMPS) {
        return end;
    }
    const at = following(plan, trip, failure, rule.strategy, now);
    if (at < 0) {
        return end;
    }
    if (trip.retrying === 0) {
        if (isFull()) {
            return {...end, budget: true};
        }
        trip.retrying = now;
        enter();
    }
    const same = at === trip.at;
    const sameProvider = plan.targets[at].provider === plan.targets[trip.at].provider;
    const backoff = backoffMs(plan.policy, trip.failures.length, same, sameProvider, Math.random);
    const wait = waitMs(backoff, same, same ? pause(plan.targets[at], trip, now) : 0);
    const inTime = plan.timeouts.request_ms === 0 || now + wait < trip.began + plan.timeouts.request_ms;
    if (!inTime || !mayBegin(plan.policy, now - trip.retrying, wait) || !mayRetry(now)) {
        return {...end, budget: true};
    }
    return {at, wait, budget: false};
}

/**
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {Failure} failure
 * @param {import('./policy.js').Strategy} strategy
 * @param {number} now
 * @returns {number}
 */
function following(plan, trip, failure, strategy, now) {
    const refused = failure.kind === 'status' && (failure.status === 401 || failure.status === 403);
    if (plan.policy === null && refused && hasAnotherCredential(plan.targets[trip.at], trip, now)) {
        return trip.at;
    }
    return nextTarget(plan, trip.tried, trip.at, strategy, (i, waiting) => left(plan.targets[i], trip, now, waiting) === 0);
}

/**
 * Begin an attempt: the request goes on to proxy_pass, or to the location where the answer is passed on whatever it is.
 *
 * @param {Request} r
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {number} at
 * @param {number} wait that went by before it
 */
export function launch(r, plan, trip, at, wait) {
    const now = Date.now();
    const target = plan.targets[at];
    trip.at = at;
    trip.credential = pickCredential(target, trip, now);
    trip.tried.push(at);
    if (target.credentialScopes.length > 0) {
        trip.shown.push(target.credentialScopes[trip.credential]);
    }
    trip.sent = now;
    trip.models.push(target.id);
    trip.attempts.push([target.provider, target.provider_type, target.model, '', wait]);
    aim(r, plan, target, trip.credential, {began: trip.began, now});
    const jumps = !r.final && isLast(plan, trip, now);
    trip.jumps += jumps ? 1 : 0;
    save(r, trip, plan.model);
    if (jumps) {
        r.internalRedirect(plan.way === '' ? '@last' : `@${plan.way}_last`);
    }
}

/**
 * Without a policy the answer of the last attempt that is possible belongs to the client, as does that of a request which
 * may not be retried because too many are.
 *
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {number} now
 * @returns {boolean}
 */
function isLast(plan, trip, now) {
    if (plan.policy !== null) {
        return trip.failures.length === 0 && isFull();
    }
    // After this one nginx has to have room for the jumps to `again`, `last`, and an error page.
    if (trip.jumps + 3 > MOST_JUMPS || isFull() || trip.failures.length >= 7) {
        return true;
    }
    const another = nextTarget(plan, trip.tried, trip.at, 'any', (i) => left(plan.targets[i], trip, now, false) === 0);
    return another < 0 && !hasAnotherCredential(plan.targets[trip.at], trip, now);
}

/**
 * The request is over.
 *
 * @param {Trip} trip
 */
export function finish(trip) {
    if (trip.claimed) {
        giveBack(/** @type {string} */ (trip.models[trip.models.length - 1]));
        trip.claimed = false;
    }
    if (trip.retrying > 0) {
        leave();
        trip.retrying = 0;
    }
}
