// @ts-check
// What a caller is told of its limits, and refusals that need not be asked for again.
//
// ostiary_meters:  <purse> `<limit>\t<left in the account beyond the purse>\t<Unix ms when all is there again>`
//   x<purse> `<until>\t<amount>\t<again at, 0 never>\t<status>\t<limit>\t<reset>\t<message>` who needs as much is refused until then
import {clean} from './credential.js';
import {duration} from './duration.js';
import settings from './settings.js';

const WORD = 2_147_483_648;
const LIMITS = /^(?:x|anthropic)-ratelimit-/i;

const meters = ngx.shared.ostiary_meters;

/** @typedef {import('./spend.js').Spend} Spend */
/** @typedef {import('./purses.js').Purse} Purse */

/**
 * Why a request is refused by its limits.
 *
 * @typedef {object} Shortage
 * @property {number} status
 * @property {string} message
 * @property {string} purse
 * @property {number} againMs after which it is worth another try, 0 never
 * @property {number} limit 0 if not known
 * @property {number} resetMs
 */

/**
 * @param {string} name of the purse
 * @param {number} limit
 * @param {number} beyond
 * @param {number} resetMs
 */
export function learn(name, limit, beyond, resetMs) {
    meters.set(name, `${limit}\t${beyond}\t${resetMs}`);
}

/**
 * @param {Shortage} shortage
 * @param {number} amount
 * @param {number} holdMs
 * @param {number} now
 */
export function hold({purse, againMs, status, limit, resetMs, message}, amount, holdMs, now) {
    const again = againMs > 0 ? now + againMs : 0;
    meters.set('x' + purse, `${now + holdMs}\t${amount}\t${again}\t${status}\t${limit}\t${resetMs}\t${clean(message)}`, holdMs);
}

/**
 * @param {Spend} spend
 * @param {number[]} lacking
 * @param {number} now
 * @returns {Shortage | null} what was said to another one that needed as much just now
 */
export function heldBack(spend, lacking, now) {
    for (const i of lacking) {
        const purse = spend.purses[i].name;
        const text = meters.get('x' + purse);
        if (typeof text === 'string') {
            const [until, amount, again, status, limit, resetMs, message] = text.split('\t');
            if (+until > now && spend.amounts[i] >= +amount) {
                const againMs = +again > 0 ? Math.max(1, +again - now) : 0;
                return {status: +status, message, purse, againMs, limit: +limit, resetMs: +resetMs};
            }
        }
    }
    return null;
}

/**
 * Fills in what is known of a purse.
 *
 * @param {Purse} purse
 * @returns {boolean} whether anything is
 */
function read(purse) {
    const text = meters.get(purse.name);
    if (typeof text !== 'string') {
        return false;
    }
    if (text !== purse.seen) {
        const [limit, beyond, resetMs] = text.split('\t');
        purse.seen = text;
        purse.beyond = +beyond;
        purse.limitText = limit;
        timed(purse, +resetMs);
    }
    return true;
}

/**
 * @param {Purse} purse
 * @param {number} resetMs
 */
function timed(purse, resetMs) {
    purse.resetMs = resetMs;
    purse.resetAt = String(Math.ceil(resetMs / 1000));
    purse.resetIn = -1;
    purse.toldIn = -1;
}

/**
 * Where the tightest limit of a unit is. Its purse then says what is left.
 *
 * @param {Spend} spend
 * @param {string} shown
 * @param {Shortage | null} shortage
 * @returns {Purse | null}
 */
function tightest({purses, places, amounts, lefts}, shown, shortage) {
    const mine = places[shown];
    if (mine.length === 0) {
        return null;
    }
    /** @type {Purse | null} */
    let found = null;
    for (const i of mine) {
        const purse = purses[i];
        const known = read(purse);
        const short = shortage !== null && shortage.purse === purse.name && shortage.limit > 0;
        if (known || short) {
            const left = known ? purse.beyond + (lefts[i] > 0 ? lefts[i] : 0) : 0;
            purse.left = left < WORD ? left | 0 : left; // what was a float would take its time to become text
            if (short) {
                purse.left = Math.min(purse.left, amounts[i] - 1, shortage.limit);
                purse.limitText = String(shortage.limit);
                purse.seen = '';
                timed(purse, shortage.resetMs);
            }
            found = found === null || purse.left < found.left ? purse : found;
        }
    }
    return found;
}

/**
 * nginx.conf makes headers of it.
 *
 * @param {NginxHTTPRequest} r
 * @param {import('./dialects.js').Dialect} dialect
 * @param {Spend} spend
 * @param {Shortage | null} shortage
 * @param {number} now
 */
export function show(r, dialect, spend, shortage, now) {
    if (!settings.limitHeaders || !spend.shown) {
        return;
    }
    if (dialect === 'openai' && spend.plain !== null && shortage === null) {
        tellOne(r, spend.plain, spend.lefts[spend.places.requests[0]], now);
        return;
    }
    const requests = tightest(spend, 'requests', shortage);
    const left = requests === null ? '' : String(Math.max(0, requests.left));
    const plain = requests === null ? '\t\t' : requests.limitText + '\t' + left + '\t' + requests.resetAt;
    if (dialect === 'openai') {
        const tokens = tightest(spend, 'tokens', shortage);
        r.variables.ostiary_meter = plain + '\t' + openai(requests, left, now) + '\t' + openai(tokens, '', now);
        return;
    }
    if (dialect === 'anthropic') {
        const rest = ['tokens', 'input_tokens', 'output_tokens'].map((unit) => anthropic(tightest(spend, unit, shortage)));
        r.variables.ostiary_anthropic_meter = [anthropic(requests), ...rest].join('\t');
    }
    r.variables.ostiary_meter = plain;
}

/**
 * The same, of a caller with one limit: only a number changes from one request to the next, and what is round it each second.
 *
 * @param {NginxHTTPRequest} r
 * @param {Purse} purse
 * @param {number} inPurse
 * @param {number} now
 */
function tellOne(r, purse, inPurse, now) {
    if (!read(purse)) {
        return;
    }
    const until = purse.resetMs - now;
    if (purse.toldIn < 0 || until <= purse.toldIn - 1000 || until < 1000) {
        purse.toldIn = until < 1000 ? Math.max(0, until) : Math.ceil(until / 1000) * 1000;
        purse.after = `\t${duration(purse.toldIn)}\t\t\t`;
        purse.between = `\t${purse.resetAt}\t${purse.limitText}\t`;
    }
    const left = Math.max(0, purse.beyond + Math.max(0, inPurse));
    const text = String(left < WORD ? left | 0 : left);
    r.variables.ostiary_meter = purse.limitText + '\t' + text + purse.between + text + purse.after;
}

/**
 * @param {Purse | null} purse
 * @param {string} known what is left, as text, if it is known
 * @param {number} now
 * @returns {string} limit, remaining, reset
 */
function openai(purse, known, now) {
    if (purse === null) {
        return '\t\t';
    }
    const left = purse.resetMs - now;
    const resetIn = left < 1000 ? left : Math.ceil(left / 1000) * 1000;
    if (resetIn !== purse.resetIn) {
        purse.resetIn = resetIn;
        purse.resetText = duration(resetIn);
    }
    return purse.limitText + '\t' + (known || Math.max(0, purse.left)) + '\t' + purse.resetText;
}

/**
 * @param {Purse | null} purse
 * @returns {string} limit, remaining, reset
 */
function anthropic(purse) {
    if (purse === null) {
        return '\t\t';
    }
    const reset = new Date(Math.ceil(purse.resetMs / 1000) * 1000).toISOString().replace('.000', '');
    return `${purse.limitText}\t${Math.max(0, purse.left)}\t${reset}`;
}

/**
 * A provider's own limits are not the caller's: they are hidden where ours are told, which nginx.conf adds afterwards.
 *
 * @param {NginxHTTPRequest} r
 */
export function hideLimits(r) {
    const foreign = r.rawHeadersOut.map(([name]) => name).filter((name) => LIMITS.test(name));
    foreign.forEach((name) => delete r.headersOut[name]);
}
