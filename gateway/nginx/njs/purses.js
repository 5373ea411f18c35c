// @ts-check
// Purses: numbers in shared memory from which a request takes what it may use at most, see contract/limits.py.
//
// ostiary_purses, and ostiary_slots for those of letter c:  <purse key> what is left   g<purse key> what was ever granted
// b<purse key> what of it was ever taken back. The key is the purse's name, and `<name>.<slot>` where a window slides in slots.
// Each step is one atomic incr, and a grant is noted before it can be spent, so `left` is never more than granted - back.
// These two only grow, so that of two messages the sidecar knows the later one, in whatever order they come.

const KEEP_MS = 5000; // so long what is left of a slot that is over can still be taken back
const SLOTS_NOTED = 60; // and for so many slots what was granted in one
const LONGEST_SLOT_MS = 60_000;
const ROUND = 2 ** 51; // where numbers that only grow begin anew, see contract/lease.py: above 2 ** 53 they would not be exact
const MOST = 1_048_576;

const rest = ngx.shared.ostiary_purses;
const slots = ngx.shared.ostiary_slots;

/**
 * As a context keeps it. `slot` and `key` are those of the last request, `seen` and what follows it of the last meter.
 *
 * @typedef {object} Purse
 * @property {string} name
 * @property {string} unit its letter
 * @property {NgxSharedDict} zone
 * @property {number} slotMs 0 where there are no slots
 * @property {string} shown
 * @property {number} slot
 * @property {string} key
 * @property {number} amount of the last request, of which `word` tells in its record
 * @property {string} word
 * @property {string} wordKey
 * @property {string} seen text of the meter
 * @property {string} limitText
 * @property {number} beyond
 * @property {number} resetMs
 * @property {number} left with what the account has beyond it
 * @property {number} resetIn ms
 * @property {string} resetText
 * @property {string} resetAt Unix seconds
 * @property {number} toldIn these three: see tellOne of meters.js
 * @property {string} between
 * @property {string} after
 */

/**
 * @param {[string, number?, string?]} sent name, slot_ms, shown
 * @returns {Purse}
 */
export function purse([name, slotMs = 0, shown = '']) {
    return {
        name, unit: name[0], zone: zoneOf(name), slotMs, shown, slot: 0, key: name, seen: '', beyond: 0, resetMs: 0,
        left: 0, resetIn: -1, resetText: '', resetAt: '', toldIn: -1, between: '', after: '', limitText: '', amount: 0, word: '', wordKey: '',
    };
}

/**
 * @param {string} key
 * @returns {NgxSharedDict}
 */
function zoneOf(key) {
    return key[0] === 'c' ? slots : rest;
}

/**
 * @param {Purse} from
 * @param {number} now
 * @returns {string}
 */
export function keyAt(from, now) {
    if (from.slotMs > 0) {
        const slot = Math.floor(now / from.slotMs);
        if (slot !== from.slot) {
            from.slot = slot;
            from.key = `${from.name}.${slot}`;
        }
    }
    return from.key;
}

/**
 * @param {Purse} to
 * @param {string} key
 * @param {number} amount negative to take
 * @returns {number} what is left then; below zero: it was not there
 */
export function put(to, key, amount) {
    return to.slotMs > 0 ? to.zone.incr(key, amount, 0, to.slotMs + KEEP_MS) : to.zone.incr(key, amount, 0);
}

/**
 * A sidecar that starts anew has from here what requests hold that are still under way.
 *
 * @param {NgxSharedDict} zone
 * @param {string} key
 * @param {number} amount
 * @param {number} slotMs
 */
function note(zone, key, amount, slotMs) {
    const after = slotMs > 0 ? zone.incr(key, amount, 0, SLOTS_NOTED * slotMs + KEEP_MS) : zone.incr(key, amount, 0);
    if (Math.floor(after / ROUND) > Math.floor((after - amount) / ROUND)) {
        zone.incr(key, -ROUND, 0); // only who got it over does so
    }
}

/**
 * @param {Purse} to
 * @param {number} slot
 * @param {number} amount for the request that asked
 * @param {number} extra for whoever comes
 * @returns {number} what is left
 */
export function grant(to, slot, amount, extra) {
    const key = to.slotMs > 0 ? `${to.name}.${slot}` : to.name;
    if (amount + extra > 0) {
        note(to.zone, 'g' + key, amount + extra, to.slotMs);
    }
    return put(to, key, extra);
}

/**
 * Out of a purse and back to its account.
 *
 * @param {string} key
 * @param {number} amount
 * @returns {number} what there was of it
 */
export function takeBack(key, amount) {
    const zone = zoneOf(key);
    const slotMs = slotMsOf(key, Date.now());
    const left = Number(zone.get(key) || 0);
    const wanted = Math.min(amount, left);
    if (!(wanted > 0)) {
        return 0;
    }
    const add = (/** @type {number} */ n) => (slotMs > 0 ? zone.incr(key, n, 0, slotMs + KEEP_MS) : zone.incr(key, n, 0));
    const missing = Math.min(wanted, Math.max(0, -add(-wanted)));
    if (missing > 0) {
        add(missing);
    }
    if (wanted > missing) {
        note(zone, 'b' + key, wanted - missing, slotMs);
    }
    return wanted - missing;
}

/**
 * Slots are counted from 1970, so the present one tells how long it is.
 *
 * @param {string} key
 * @param {number} now
 * @returns {number} 0 where there are no slots
 */
function slotMsOf(key, now) {
    const dot = key.indexOf('.');
    return dot < 0 ? 0 : Math.min(LONGEST_SLOT_MS, Math.round(now / +key.slice(dot + 1)));
}

/**
 * What was ever granted into a purse.
 *
 * @param {string} key
 */
export function grantedOf(key) {
    return Number(zoneOf(key).get('g' + key) || 0);
}

/**
 * What was ever taken back out of it.
 *
 * @param {string} key
 */
export function backOf(key) {
    return Number(zoneOf(key).get('b' + key) || 0);
}

/**
 * What was not used of the slots before this one is taken back.
 *
 * @param {Purse} from
 * @param {number} slot
 * @returns {[string, number, number][]} purse, slot, what was ever taken back of it
 */
export function drain(from, slot) {
    /** @type {[string, number, number][]} */
    const found = [];
    for (let back = Math.min(20, Math.ceil(KEEP_MS / from.slotMs)); back > 0; back -= 1) {
        const key = `${from.name}.${slot - back}`;
        if (takeBack(key, Infinity) > 0) {
            found.push([from.name, slot - back, backOf(key)]);
        }
    }
    return found;
}

/**
 * A request that has slots is over.
 *
 * @param {string[]} keys
 */
export function giveBack(keys) {
    for (const key of keys) {
        slots.incr(key, 1, 0);
    }
}

/**
 * @param {string} held as in the record: `<purse key>=<amount>,...`
 * @returns {string[]} keys of the slots in it
 */
export function slotsOf(held) {
    return held.split(',').filter((item) => item[0] === 'c').map((item) => item.slice(0, item.indexOf('=')));
}

/** @returns {Record<string, [number, number, number]>} purse key -> left, granted, taken back */
export function report() {
    return {...reportOf(rest), ...reportOf(slots)};
}

/**
 * @param {NgxSharedDict} zone
 * @returns {Record<string, [number, number, number]>} of one moment
 */
function reportOf(zone) {
    const all = new Map(zone.items(MOST));
    /** @type {Record<string, [number, number, number]>} */
    const purses = {};
    for (const [name, granted] of all) {
        if (name[0] === 'g') {
            const key = name.slice(1);
            purses[key] = [Number(all.get(key) || 0), Number(granted), Number(all.get('b' + key) || 0)];
        }
    }
    return purses;
}

/** @returns {Record<string, number>} purse key of slots -> how many are out by the numbers; negative where too many came back */
export function slotsOut() {
    /** @type {Record<string, number>} */
    const out = {};
    for (const [key, [left, granted, back]] of Object.entries(reportOf(slots))) {
        if (granted - back - left !== 0) {
            out[key] = granted - back - left;
        }
    }
    return out;
}
