// @ts-check
// What this gateway knows of its backends: one state for all workers, in shared memory. Times are Unix milliseconds.
//
// ostiary_health, strings:   b:<scope> `<until>\t<why>` block     o:<target> `<opened at>\t<open ms>` breaker that opened
//   h:<target> the one request that may try a half-open one       w:<target> `<recovered at>\t<warm-up ms>`
//   l:<target> `<ms to the first byte>\t<measured at>`            t:<scope> times of slow answers
// ostiary_tallies, numbers:  f:<target> failures in a row   s:, x:<target> successes and failures   changes
import {averaged, warmth} from './choose.js';
import {triggered} from './policy.js';

const CLAIM_MS = 60_000;
const LASTING_MS = 3_600_000;
const WARM_UP_MS = 30_000; // of a backend that recovered elsewhere

const health = ngx.shared.ostiary_health;
const tallies = ngx.shared.ostiary_tallies;

/** @typedef {import('./plans.js').Target} Target */
/** @typedef {'retry_after' | 'high_latency' | 'credential'} Why */

/**
 * @param {string} key
 * @returns {[number, string] | undefined} the number before the tab and what is behind it
 */
function pair(key) {
    const text = /** @type {string | undefined} */ (health.get(key));
    if (text === undefined) {
        return undefined;
    }
    const tab = text.indexOf('\t');
    return [+text.slice(0, tab), text.slice(tab + 1)];
}

/** Whoever shares this state with other replicas sees that there is something new. */
function changed() {
    tallies.incr('changes', 1, 0);
}

/**
 * A later end wins over an earlier one (PL-04).
 *
 * @param {string} scope
 * @param {number} until
 * @param {string} why
 * @param {number} now
 */
export function block(scope, until, why, now) {
    const before = pair('b:' + scope);
    if (until > now && (before === undefined || before[0] < until)) {
        health.set('b:' + scope, `${until}\t${why}`, until - now);
        changed();
    }
}

/**
 * @param {string} scope
 * @param {number} now
 * @returns {number} how long it is blocked yet, 0 if it is not
 */
export function blockLeft(scope, now) {
    const held = pair('b:' + scope);
    return held === undefined ? 0 : Math.max(0, held[0] - now);
}

/**
 * @param {string} scope
 * @param {number} now
 * @returns {number} the same, of a block that Retry-After made
 */
export function retryAfterLeft(scope, now) {
    const held = pair('b:' + scope);
    return held === undefined || held[1] !== 'retry_after' ? 0 : Math.max(0, held[0] - now);
}

/**
 * @param {string} scope
 * @param {import('./plans.js').LatencyRule} rule
 * @param {number} now
 */
export function slow(scope, rule, now) {
    if (rule.min_triggers > 1) {
        const before = /** @type {string | undefined} */ (health.get('t:' + scope));
        const {times, block: enough} = triggered(before ? before.split(',').map(Number) : [], now, rule.window_ms, rule.min_triggers);
        health.set('t:' + scope, times.join(','), rule.window_ms);
        if (!enough) {
            return;
        }
    }
    block(scope, now + rule.block_ms, 'high_latency', now);
}

/**
 * @param {Target} target
 * @param {number} now
 * @returns {number} how long the breaker keeps everybody away, 0 if it does not; 1 where another one is trying just now
 */
export function openLeft(target, now) {
    const opened = pair('o:' + target.id);
    if (opened === undefined) {
        return 0;
    }
    const left = opened[0] + +opened[1] - now;
    return left > 0 ? left : Number(health.has('h:' + target.id));
}

/**
 * To be asked before a request goes to a target: a half-open breaker lets one through.
 *
 * @param {Target} target
 * @param {number} now
 * @returns {'free' | 'claimed' | 'taken'} `claimed`: this request is the one, and has to tell how it went or give it back
 */
export function claim(target, now) {
    const opened = pair('o:' + target.id);
    if (opened === undefined) {
        return 'free';
    }
    if (opened[0] + +opened[1] > now) {
        return 'taken';
    }
    return health.add('h:' + target.id, '1', CLAIM_MS) ? 'claimed' : 'taken';
}

/** @param {string} id of a target that a request had claimed and never reached */
export function giveBack(id) {
    health.delete('h:' + id);
}

/**
 * The provider answered.
 *
 * @param {Target} target
 * @param {boolean} claimed
 * @param {number} now
 */
export function succeeded(target, claimed, now) {
    tallies.incr('s:' + target.id, 1, 0);
    if (claimed) {
        close(target.id);
        if (target.breaker.warm_up_ms > 0) {
            health.set('w:' + target.id, `${now}\t${target.breaker.warm_up_ms}`, target.breaker.warm_up_ms);
        }
    }
}

/**
 * The answer came to its end: only that ends a row of failures, since an answer may break off.
 *
 * @param {string} id
 */
export function completed(id) {
    if (tallies.get('f:' + id)) {
        tallies.set('f:' + id, 0);
    }
}

/**
 * @param {Target} target
 * @param {boolean} claimed
 * @param {number} now
 */
export function failed(target, claimed, now) {
    const {failures, open_ms: openMs} = target.breaker;
    tallies.incr('x:' + target.id, 1, 0);
    const row = tallies.incr('f:' + target.id, 1, 0);
    if (claimed || (row >= failures && !health.has('o:' + target.id))) {
        open(target.id, now, openMs);
        health.delete('h:' + target.id);
    }
}

/**
 * @param {string} id
 * @param {number} at
 * @param {number} openMs
 */
export function open(id, at, openMs) {
    health.set('o:' + id, `${at}\t${openMs}`, openMs + LASTING_MS);
    health.delete('w:' + id);
    changed();
}

/** @param {string} id */
export function close(id) {
    for (const letter of ['o:', 'h:', 'w:']) {
        health.delete(letter + id);
    }
    tallies.delete('f:' + id);
    changed();
}

/**
 * Another replica found it well again.
 *
 * @param {string} id
 * @param {number} now
 */
export function recovered(id, now) {
    if (health.has('o:' + id)) {
        close(id);
        health.set('w:' + id, `${now}\t${WARM_UP_MS}`, WARM_UP_MS);
    }
}

/** @param {string} scope */
export function unblock(scope) {
    health.delete('b:' + scope);
    changed();
}

/**
 * @param {string} id
 * @param {number} ms to the first byte, or waited in vain
 * @param {number} now
 */
export function measured(id, ms, now) {
    const before = pair('l:' + id);
    const value = before === undefined ? ms : averaged(before[0], now - +before[1], ms);
    health.set('l:' + id, `${value.toFixed(1)}\t${now}`);
}

/**
 * @param {string} id
 * @returns {number} ms to the first byte, -1 if it was not measured
 */
export function latency(id) {
    const found = pair('l:' + id);
    return found === undefined ? -1 : found[0];
}

/**
 * @param {string} id
 * @param {number} now
 * @returns {number} the part of its share that a target may have
 */
export function warmthOf(id, now) {
    const recovered = pair('w:' + id);
    return recovered === undefined ? 1 : warmth(recovered[0], +recovered[1], now);
}
