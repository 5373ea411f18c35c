// @ts-check
// What a purse lacks is asked of the sidecar: once for all that a request lacks, and nothing as long as the purse lasts.
import {complain} from './complaints.js';
import {refuse} from './dialects.js';
import {parsed} from './json.js';
import {heldBack, hold, learn, show} from './meters.js';
import {drain, grant} from './purses.js';
import {leave, take} from './spend.js';

const TURNS = 3;
const LONGEST_BODY = 1_048_576;
const RATES = 'rtioc'; // without the sidecar these let through, budgets do not
const counts = ngx.shared.ostiary_counts;

/** @typedef {import('./spend.js').Spend} Spend */
/** @typedef {import('./meters.js').Shortage} Shortage */
/** @typedef {{key: string, surface: string, target: string, model?: string, dialect?: string}} Question */

/** @type {Shortage} */
const AWAY = {status: 503, message: 'unavailable', purse: '', againMs: 1000, limit: 0, resetMs: 0};

/**
 * Take again, with what the sidecar grants.
 *
 * @param {NginxHTTPRequest} r
 * @param {import('./dialects.js').Dialect} dialect
 * @param {Spend} spend `take` has just said that it lacks something
 * @param {Question} question
 * @returns {Promise<string | null>} what it holds, null if it has been refused
 */
export async function lease(r, dialect, spend, question) {
    let held = take(spend, Date.now()); // another request that came to nothing may have had it for a moment
    for (let turn = 0; held === null; turn += 1) {
        const lacks = lacking(spend);
        const short = heldBack(spend, lacks, Date.now()) || (turn < TURNS ? await ask(r, spend, lacks, question) : AWAY);
        if (short !== null) {
            leave(spend);
            sayShort(r, dialect, spend, short);
            return null;
        }
        held = take(spend, Date.now());
    }
    return held;
}

/**
 * @param {Spend} spend
 * @returns {number[]} places of the purses that could not pay
 */
function lacking({lefts, amounts, owned}) {
    return amounts.map((_, i) => i).filter((i) => !owned[i] && lefts[i] < 0 && amounts[i] > 0);
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Spend} spend
 * @param {number[]} lacks
 * @param {Question} question
 * @returns {Promise<Shortage | null>} null if the request may have what it lacked
 */
async function ask(r, spend, lacks, question) {
    const {purses} = spend;
    const needs = lacks.map((i) => [purses[i].name, purses[i].slotMs > 0 ? purses[i].slot : 0, spend.amounts[i]]);
    const returns = lacks.flatMap((i) => (purses[i].slotMs > 0 ? drain(purses[i], purses[i].slot) : []));
    const finer = lacks.some((i) => 'timk'.includes(purses[i].unit)) && (r.requestText || '').length <= LONGEST_BODY;
    const body = JSON.stringify({...question, needs, returns, body: finer ? r.requestText || '' : ''});
    const reply = await r.subrequest('/_lease', {method: 'POST', body});
    const answer = reply.status === 200 ? parsed(reply.responseText) : undefined;
    if (answer === undefined) {
        return without(spend, lacks, reply.status);
    }
    if (answer.shortage) {
        return shortageOf(spend, answer.shortage);
    }
    (answer.grants || []).forEach((/** @type {any[]} */ given, /** @type {number} */ at) => own(spend, lacks[at], given));
    return null;
}

/**
 * @param {Spend} spend
 * @param {number} i
 * @param {any[]} given see contract.lease.Grant
 */
function own(spend, i, [name, slot, amount, extra, limit, beyond, resetMs]) {
    const purse = spend.purses[i];
    spend.lefts[i] = grant(purse, slot, amount, extra);
    spend.keys[i] = purse.slotMs > 0 ? `${name}.${slot}` : name;
    spend.amounts[i] = amount;
    spend.owned[i] = true;
    learn(name, limit, beyond, resetMs);
}

/**
 * @param {Spend} spend
 * @param {any} said see contract.lease.Shortage
 * @returns {Shortage}
 */
function shortageOf(spend, said) {
    const {refusal, purse, retry_after_ms: againMs, hold_ms: holdMs, limit, reset_ms: resetMs} = said;
    const short = {status: refusal.status, message: refusal.message, purse, againMs, limit: limit || 0, resetMs: resetMs || 0};
    const i = spend.purses.findIndex(({name}) => name === purse);
    if (holdMs > 0 && i >= 0) {
        hold(short, spend.amounts[i], holdMs, Date.now());
    }
    return short;
}

/**
 * The sidecar is away. Nobody is kept waiting for a rate; money is not spent blindly.
 *
 * @param {Spend} spend
 * @param {number[]} lacks
 * @param {number} status
 * @returns {Shortage | null}
 */
function without(spend, lacks, status) {
    complain(`the sidecar answered ${status} to a lease`);
    if (lacks.some((i) => !RATES.includes(spend.purses[i].unit))) {
        return AWAY;
    }
    counts.incr('unleased', 1, 0);
    for (const i of lacks) {
        spend.amounts[i] = 0;
        spend.lefts[i] = 0;
        spend.owned[i] = true;
    }
    return null;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./dialects.js').Dialect} dialect
 * @param {Spend} spend
 * @param {Shortage} short
 */
function sayShort(r, dialect, spend, short) {
    const out = r.headersOut;
    if (short.againMs > 0) {
        out['Retry-After'] = String(Math.max(1, Math.ceil(short.againMs / 1000)));
        out['retry-after-ms'] = String(Math.ceil(short.againMs));
    } else {
        out['x-should-retry'] = 'false';
    }
    show(r, dialect, spend, short, Date.now());
    refuse(r, dialect, short.status, short.message, 'tiomk'.includes(short.purse[0] || 'r') ? 'tokens' : 'requests');
}
