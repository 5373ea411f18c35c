// @ts-check
// Which target a request tries first.
//
// Rules only, from values to values; the same as ostiary_gateway.policy, held to it by tests/golden/choice. Of the targets
// with the lowest priority number that has an eligible one, the plan's selection takes one.

const EXPLORED = 0.05; // so that a backend that became fast again is found
const COLDEST = 0.1;
const HALF_LIFE_MS = 10_000;
const BALANCE = {cost: 0.3, latency: 0.3, quality: 0.4};

/**
 * What is read here of contract/decision.py's Target; fields that have their default value are absent.
 *
 * @typedef {object} Target
 * @property {string} id
 * @property {number} [weight]
 * @property {number} [priority]
 * @property {boolean} [retry_only]
 * @property {number} [cost]
 * @property {number} [quality]
 */

/**
 * @typedef {object} Plan
 * @property {Target[]} targets
 * @property {'priority' | 'weighted' | 'cost' | 'latency' | 'balanced' | 'quality'} [selection]
 * @property {{fallbacks: number[]} | null} [policy]
 */

/**
 * What is known at this moment.
 *
 * @typedef {object} View
 * @property {(i: number) => boolean} eligible
 * @property {(i: number) => number} warmth the part of its share that a target may have, up to 1
 * @property {(i: number) => number} latency ms, negative if it was not measured
 * @property {() => number} turn a counter of the plan's requests; read once at most
 * @property {() => number} random from 0 to 1
 * @property {string} affinity what binds a request to a target, empty for nothing
 */

/**
 * @param {Plan} plan
 * @param {View} view
 * @returns {number} -1 if no target is eligible
 */
export function choose(plan, view) {
    const {targets} = plan;
    const pool = bestGroup(plan, view);
    if (pool.length < 2) {
        return pool.length === 0 ? -1 : pool[0];
    }
    if (view.affinity !== '') {
        return bound(targets, pool, view.affinity);
    }
    const first = take(plan, pool, view);
    return warm(targets, pool, first, view);
}

/**
 * Targets to be taken only on retries, and those of weight 0, come where nothing else is left.
 *
 * @param {Plan} plan
 * @param {View} view
 * @returns {number[]}
 */
function bestGroup({targets, policy}, view) {
    let best = Infinity;
    /** @type {number[]} */
    let group = [];
    targets.forEach(({priority = 0, weight = 1, retry_only: held = false}, i) => {
        if (held || weight === 0 || priority > best || !view.eligible(i)) {
            return;
        }
        if (priority < best) {
            group = [];
            best = priority;
        }
        group.push(i);
    });
    if (group.length > 0) {
        return group;
    }
    const idle = targets.findIndex(({weight = 1, retry_only: held = false}, i) => !held && weight === 0 && view.eligible(i));
    const last = idle >= 0 ? idle : (policy ? policy.fallbacks : []).find((i) => view.eligible(i));
    return last === undefined ? [] : [last];
}

/**
 * @param {Plan} plan
 * @param {number[]} pool two or more
 * @param {View} view
 * @returns {number}
 */
function take({targets, selection}, pool, view) {
    switch (selection) {
        case 'cost':
            return turnOf(targets, lowest(pool, (i) => known(targets[i].cost)), view);
        case 'quality':
            return turnOf(targets, lowest(pool, (i) => -(targets[i].quality ?? -1)), view);
        case 'latency':
            return explored(targets, pool, lowest(pool, view.latency), view);
        case 'balanced':
            return explored(targets, pool, lowest(pool, burden(targets, pool, view)), view);
        case 'weighted':
            return turnOf(targets, pool, view);
        default:
            return pool[0];
    }
}

/**
 * A recovering target is taken with the probability of its warmth only, unless it is the last.
 *
 * @param {Target[]} targets
 * @param {number[]} pool
 * @param {number} first
 * @param {View} view
 * @returns {number}
 */
function warm(targets, pool, first, view) {
    let left = pool;
    let chosen = first;
    while (left.length > 1) {
        const share = view.warmth(chosen);
        if (share >= 1 || view.random() < share) {
            break;
        }
        left = without(left, chosen);
        chosen = lot(targets, left, view.random());
    }
    return chosen;
}

/**
 * @param {Target[]} targets
 * @param {number[]} pool
 * @param {number[]} best
 * @param {View} view
 * @returns {number} one of the best; now and then one of the others
 */
function explored(targets, pool, best, view) {
    const chosen = turnOf(targets, best, view);
    if (view.random() >= EXPLORED) {
        return chosen;
    }
    const others = without(pool, chosen);
    return others[Math.floor(view.random() * others.length)];
}

/**
 * @param {number[]} pool
 * @param {number} i
 * @returns {number[]}
 */
function without(pool, i) {
    return pool.filter((other) => other !== i);
}

/**
 * @param {number[]} pool
 * @param {(i: number) => number} measure
 * @returns {number[]} those that have the lowest value
 */
function lowest(pool, measure) {
    const values = pool.map(measure);
    const least = Math.min(...values);
    return pool.filter((_, at) => values[at] === least);
}

/**
 * @param {number | undefined} value
 * @returns {number} infinite if it is not known
 */
function known(value) {
    return value === undefined || value < 0 ? Infinity : value;
}

/**
 * Each of cost, latency and quality is brought to 0 (best of the pool) to 1 (worst of it), 0.5 if it is not known or the
 * same everywhere; the burden is 0.3 cost + 0.3 latency + 0.4 quality. The lowest wins.
 *
 * @param {Target[]} targets
 * @param {number[]} pool
 * @param {View} view
 * @returns {(i: number) => number}
 */
function burden(targets, pool, view) {
    const cost = scale(pool, (i) => targets[i].cost ?? -1);
    const latency = scale(pool, view.latency);
    const quality = scale(pool, (i) => targets[i].quality ?? -1);
    return (i) => BALANCE.cost * cost(i) + BALANCE.latency * latency(i) + BALANCE.quality * (1 - quality(i));
}

/**
 * @param {number[]} pool
 * @param {(i: number) => number} measure negative if it is not known
 * @returns {(i: number) => number}
 */
function scale(pool, measure) {
    const values = pool.map(measure).filter((value) => value >= 0);
    const least = Math.min(...values);
    const range = Math.max(...values) - least;
    return (i) => {
        const value = measure(i);
        return value < 0 || !(range > 0) ? 0.5 : (value - least) / range;
    };
}

/**
 * Smooth weighted round robin without memory: the turn says who is next. In a round of sum(weights) / gcd turns a target
 * of weight w has its turns at the times (2j + 1) / 2w of the round, j from 0; ties go by place. So each has exactly its
 * share in every round, evenly spread.
 *
 * @param {Target[]} targets
 * @param {number[]} pool
 * @param {View} view
 * @returns {number}
 */
function turnOf(targets, pool, view) {
    if (pool.length === 1) {
        return pool[0];
    }
    const divisor = pool.reduce((before, i) => gcd(before, weightOf(targets[i])), 0);
    const weights = pool.map((i) => weightOf(targets[i]) / divisor);
    const round = weights.reduce((sum, weight) => sum + weight, 0);
    const turn = view.turn() % round;
    if (round === pool.length) {
        return pool[turn];
    }
    // Everybody's turns up to a time at which no more than `turn` of them can be over, each half a turn early; then one by one.
    const sure = Math.max(0, 2 * turn - pool.length);
    const counts = weights.map((weight) => Math.floor((sure * weight + round) / (2 * round)));
    let at = earliest(counts, weights);
    for (let gone = counts.reduce((sum, count) => sum + count, 0); gone < turn; gone += 1) {
        counts[at] += 1;
        at = earliest(counts, weights);
    }
    return pool[at];
}

/**
 * @param {number[]} counts turns that each had
 * @param {number[]} weights
 * @returns {number} the place whose next turn comes first
 */
function earliest(counts, weights) {
    let best = 0;
    for (let at = 1; at < weights.length; at += 1) {
        if ((2 * counts[at] + 1) * weights[best] < (2 * counts[best] + 1) * weights[at]) {
            best = at;
        }
    }
    return best;
}

/**
 * @param {Target[]} targets
 * @param {number[]} pool
 * @param {number} random
 * @returns {number} drawn by weight
 */
function lot(targets, pool, random) {
    let left = random * pool.reduce((sum, i) => sum + weightOf(targets[i]), 0);
    for (const i of pool) {
        left -= weightOf(targets[i]);
        if (left < 0) {
            return i;
        }
    }
    return pool[pool.length - 1];
}

/**
 * @param {Target} target
 * @returns {number}
 */
function weightOf(target) {
    return target.weight ?? 1;
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
function gcd(a, b) {
    while (b > 0) {
        [a, b] = [b, a % b];
    }
    return a;
}

/**
 * Weighted rendezvous hashing (PL-28): every replica finds the same target for an id, and when a target leaves, only the
 * ids that were bound to it move.
 *
 * @param {Target[]} targets
 * @param {number[]} pool
 * @param {string} affinity
 * @returns {number}
 */
function bound(targets, pool, affinity) {
    let best = -1;
    let most = -Infinity;
    for (const i of pool) {
        const score = -weightOf(targets[i]) / Math.log((hash(`${affinity}\n${targets[i].id}`) + 0.5) / 4294967296);
        if (score > most) {
            best = i;
            most = score;
        }
    }
    return best;
}

/**
 * FNV-1a over UTF-16 units, with murmur3's last step: cheap, spread well, no secret.
 *
 * @param {string} text
 * @returns {number} 32 bits
 */
function hash(text) {
    let value = 2166136261;
    for (let at = 0; at < text.length; at += 1) {
        value = Math.imul(value ^ text.charCodeAt(at), 16777619);
    }
    value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
    value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
    return (value ^ (value >>> 16)) >>> 0;
}

/**
 * @param {number} recoveredAt
 * @param {number} warmUp how long the share grows
 * @param {number} now
 * @returns {number} from 0.1 to 1
 */
export function warmth(recoveredAt, warmUp, now) {
    if (now - recoveredAt >= warmUp) {
        return 1;
    }
    return COLDEST + (1 - COLDEST) * Math.max(0, now - recoveredAt) / warmUp;
}

/**
 * @param {number} before the average so far, negative if there is none
 * @param {number} age since the last measurement
 * @param {number} ms measured now
 * @returns {number} the average that forgets: the older it is, the more a new measurement counts
 */
export function averaged(before, age, ms) {
    if (before < 0) {
        return ms;
    }
    const kept = 0.8 * 2 ** (-age / HALF_LIFE_MS);
    return before * kept + ms * (1 - kept);
}
