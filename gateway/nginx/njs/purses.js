// @ts-check
// Purses: numbers in shared memory from which a request takes what it may use at most, see contract/limits.py.
//
// ostiary_purses, and ostiary_slots for those of letter c:  <purse key> what is left   g<purse key> what was granted and not
// taken back. The key is the purse's name, and `<name>.<slot>` where a window slides in slots. Each step is one atomic incr,
// and a grant is noted before it can be spent, so `left` is never more than `granted`.

const KEEP_MS = 5000; // so long what is left of a slot that is over can still be taken back
const SLOTS_NOTED = 60; // and for so many slots what was granted in one

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
 * @param {Purse} to
 * @param {string} key
 * @param {number} amount
 */
function note(to, key, amount) {
    if (to.slotMs > 0) {
        to.zone.incr(key, amount, 0, SLOTS_NOTED * to.slotMs + KEEP_MS);
    } else {
        to.zone.incr(key, amount, 0);
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
        note(to, 'g' + key, amount + extra);
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
    const left = Number(zone.get(key) || 0);
    const wanted = Math.min(amount, left);
    if (!(wanted > 0)) {
        return 0;
    }
    const after = zone.incr(key, -wanted, 0);
    const missing = Math.min(wanted, Math.max(0, -after));
    if (missing > 0) {
        zone.incr(key, missing, 0);
    }
    if (wanted > missing) {
        zone.incr('g' + key, missing - wanted, 0);
    }
    return wanted - missing;
}

/**
 * What was granted into a purse and not taken back.
 *
 * @param {string} key
 */
export function grantedOf(key) {
    return Number(zoneOf(key).get('g' + key) || 0);
}

/**
 * What was not used of the slots before this one.
 *
 * @param {Purse} from
 * @param {number} slot
 * @returns {[string, number, number][]} purse, slot, amount
 */
export function drain(from, slot) {
    /** @type {[string, number, number][]} */
    const found = [];
    for (let back = Math.min(20, Math.ceil(KEEP_MS / from.slotMs)); back > 0; back -= 1) {
        const amount = takeBack(`${from.name}.${slot - back}`, Infinity);
        if (amount > 0) {
            found.push([from.name, slot - back, amount]);
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

/** @returns {Record<string, [number, number]>} purse key -> left, granted */
export function report() {
    /** @type {Record<string, [number, number]>} */
    const purses = {};
    for (const zone of [rest, slots]) {
        for (const [key, granted] of zone.items(1_048_576)) {
            if (key[0] === 'g') {
                purses[key.slice(1)] = [Number(zone.get(key.slice(1)) || 0), Number(granted)];
            }
        }
    }
    return purses;
}

/** @returns {Record<string, number>} purse key of slots -> how many are out by the numbers; negative where too many came back */
export function slotsOut() {
    /** @type {Record<string, number>} */
    const out = {};
    for (const [key, granted] of slots.items(65536)) {
        if (key[0] === 'g') {
            const n = Number(granted) - Number(slots.get(key.slice(1)) || 0);
            if (n !== 0) {
                out[key.slice(1)] = n;
            }
        }
    }
    return out;
}
