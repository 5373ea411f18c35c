// @ts-check
// Which target of a plan may be taken now, and with which of its credentials.
import {blockLeft, claim, latency, openLeft, retryAfterLeft, warmthOf} from './backends.js';
import {turn} from './budget.js';
import {choose} from './choose.js';

/** @typedef {import('./plans.js').Plan} Plan */
/** @typedef {import('./plans.js').Target} Target */
/** @typedef {import('./trip.js').Trip} Trip */

/**
 * @param {Target} target
 * @param {Trip} trip
 * @param {number} now
 * @param {boolean} waiting whether a block by Retry-After does not count
 * @returns {number} how long it cannot be taken, 0 if it can
 */
export function left(target, trip, now, waiting) {
    let most = Math.max(openLeft(target, now), credentialLeft(target, now, waiting));
    for (const scope of [target.modelScope, target.providerScope]) {
        const mine = waiting ? 0 : (trip.blocks[scope] || 0) - now;
        const all = blockLeft(scope, now);
        most = Math.max(most, mine, waiting && retryAfterLeft(scope, now) > 0 ? 0 : all);
    }
    return most;
}

/**
 * @param {Target} target
 * @param {number} now
 * @param {boolean} waiting
 * @returns {number} how long none of a pool's credentials can be shown
 */
function credentialLeft(target, now, waiting) {
    const lefts = target.credentialScopes.map((scope) => (waiting && retryAfterLeft(scope, now) > 0 ? 0 : blockLeft(scope, now)));
    return lefts.length === 0 ? 0 : Math.min(...lefts);
}

/**
 * @param {Target} target
 * @param {Trip} trip
 * @param {number} now
 * @returns {number} how long Retry-After asks to wait before the same target is tried again
 */
export function pause(target, trip, now) {
    const pools = target.credentialScopes.map((scope) => blockLeft(scope, now));
    return Math.max(
        0,
        ...[target.modelScope, target.providerScope].flatMap((scope) => [(trip.blocks[scope] || 0) - now, retryAfterLeft(scope, now)]),
        pools.length === 0 ? 0 : Math.min(...pools),
    );
}

/**
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {number} now
 * @returns {number} the shortest time until a target can be taken that cannot be now, -1 if there is no such target
 */
export function shortest(plan, trip, now) {
    const blocked = plan.targets.map((target) => left(target, trip, now, false)).filter((ms) => ms > 0);
    return blocked.length === 0 ? -1 : Math.min(...blocked);
}

/**
 * The first target. What is half-open has been claimed when it is returned.
 *
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {number} now
 * @param {string} affinity
 * @returns {number} -1 if none is eligible
 */
export function firstTarget(plan, trip, now, affinity) {
    /** @type {number[]} */
    const lost = [];
    for (;;) {
        const at = choose(plan, {
            eligible: (i) => !lost.includes(i) && left(plan.targets[i], trip, now, false) === 0,
            warmth: (i) => warmthOf(plan.targets[i].id, now),
            latency: (i) => latency(plan.targets[i].id),
            turn: () => turn(plan.model),
            random: Math.random,
            affinity,
        });
        if (at < 0 || take(plan.targets[at], trip, now)) {
            return at;
        }
        lost.push(at);
    }
}

/**
 * @param {Target} target
 * @param {Trip} trip
 * @param {number} now
 * @returns {boolean} false if another request was faster to try it
 */
export function take(target, trip, now) {
    const how = claim(target, now);
    trip.claimed = how === 'claimed';
    return how !== 'taken';
}

/**
 * A pool is spread over in turn; a credential that has been shown in vain is not shown again.
 *
 * @param {Target} target
 * @param {Trip} trip
 * @param {number} now
 * @returns {number} its place
 */
export function pickCredential(target, trip, now) {
    const scopes = target.credentialScopes;
    if (scopes.length === 0) {
        return 0;
    }
    const from = turn('credential:' + target.provider);
    const turns = scopes.map((_, i) => (from + i) % scopes.length);
    const free = turns.filter((i) => blockLeft(scopes[i], now) === 0);
    const unseen = free.find((i) => !trip.shown.includes(scopes[i]));
    return unseen ?? free[0] ?? turns.reduce((best, i) => (blockLeft(scopes[i], now) < blockLeft(scopes[best], now) ? i : best));
}

/**
 * @param {Target} target
 * @param {Trip} trip
 * @param {number} now
 * @returns {boolean} whether a credential of the pool is healthy and was not shown yet
 */
export function hasAnotherCredential(target, trip, now) {
    return target.credentialScopes.some((scope) => !trip.shown.includes(scope) && blockLeft(scope, now) === 0);
}

/**
 * The plan as routing wants it for one request: places stay, priorities change.
 *
 * @param {Plan} plan
 * @param {number[] | null} order
 * @returns {Plan} targets that routing did not name come last
 */
export function ordered(plan, order) {
    if (order === null) {
        return plan;
    }
    const targets = plan.targets.map((target, i) => {
        const rank = order.indexOf(i);
        return {...target, priority: rank < 0 ? order.length + target.priority : rank, retry_only: rank < 0 && target.retry_only};
    });
    return {...plan, targets, selection: 'priority'};
}
