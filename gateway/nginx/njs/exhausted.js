// @ts-check
// The end of a request that no backend answered (behaviour.md 2.3), in the caller's dialect.
import {dialectOf} from './dialects.js';
import {exhausted} from './policy.js';
import {shortest} from './targets.js';
import {tell} from './trip.js';

/** @typedef {import('./plans.js').Plan} Plan */
/** @typedef {import('./trip.js').Request} Request */
/** @typedef {import('./trip.js').Trip} Trip */

/**
 * @param {Request} r
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {boolean} budget whether a budget ended it
 */
export function sayExhausted(r, plan, trip, budget) {
    const tries = trip.failures.map((failure, i) => ({model: trip.models[i], failure}));
    const facts = {
        model: plan.model, budget, retryAfterSeenMs: trip.retryAfter, shortestBlockMs: shortest(plan, trip, Date.now()),
    };
    const {status, error, retryAfter} = exhausted(tries, facts);
    r.own = true;
    r.trip = trip;
    tell(r, trip, plan.model);
    r.headersOut['Content-Type'] = 'application/json';
    if (retryAfter > 0) {
        r.headersOut['Retry-After'] = String(retryAfter);
    }
    const requestId = r.variables.ostiary_request_id || '';
    const dialect = dialectOf(r.uri);
    const code = dialect === 'google' ? {code: status, status: 'UNAVAILABLE'} : {};
    r.return(status, JSON.stringify(dialect === 'anthropic' ? {type: 'error', error, request_id: requestId} : {error: {...error, ...code}}));
}
