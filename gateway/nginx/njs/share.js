// @ts-check
// /health on control.sock: the state of backends for the sidecar, and what other replicas or a person say of it.
import {block, close, open, recovered, unblock} from './backends.js';
import settings from './settings.js';

const MOST = 65536;

const health = ngx.shared.ostiary_health;
const tallies = ngx.shared.ostiary_tallies;

/**
 * @typedef {{state: 'CLOSED' | 'OPEN' | 'HALF_OPEN', failures: number, opened_at: number, open_ms: number}} Breaker
 */

/**
 * @param {NginxHTTPRequest} r
 * @returns {[number, string?]} status, JSON
 */
export function answer(r) {
    if (r.method === 'POST') {
        merge(JSON.parse(r.requestText || ''), Date.now());
        return [204];
    }
    const version = `${settings.epoch}-${tallies.get('changes') || 0}`;
    if (r.args.unless === version) {
        return [304];
    }
    return [200, JSON.stringify({epoch: settings.epoch, version, ...report(Date.now())})];
}

/** @param {number} now */
export function report(now) {
    /** @type {Record<string, [number, string]>} */
    const blocks = {};
    /** @type {Record<string, Breaker>} */
    const breakers = {};
    /** @type {Record<string, [number, number]>} */
    const latencies = {};
    for (const [key, value] of health.items(MOST)) {
        const name = key.slice(2);
        const [first, second] = String(value).split('\t');
        if (key[0] === 'b' && +first > now) {
            blocks[name] = [+first, second];
        } else if (key[0] === 'l') {
            latencies[name] = [+first, +second];
        } else if (key[0] === 'w') {
            breakers[name] = breakers[name] || {state: 'CLOSED', failures: 0, opened_at: 0, open_ms: 0};
        } else if (key[0] === 'o') {
            const state = +first + +second > now ? 'OPEN' : 'HALF_OPEN';
            breakers[name] = {state, failures: 0, opened_at: +first, open_ms: +second};
        }
    }
    return {now, blocks, breakers, latencies, counts: counted(breakers)};
}

/**
 * @param {Record<string, Breaker>} breakers completed by the closed ones that have something to tell
 * @returns {Record<string, {success: number, failure: number}>}
 */
function counted(breakers) {
    /** @type {Record<string, {success: number, failure: number}>} */
    const counts = {};
    for (const [key, value] of tallies.items(MOST)) {
        const name = key.slice(2);
        const letter = key.slice(0, 2);
        if (letter === 'f:') {
            breakers[name] = breakers[name] || {state: 'CLOSED', failures: 0, opened_at: 0, open_ms: 0};
            breakers[name].failures = +value;
        } else if (letter === 's:' || letter === 'x:') {
            counts[name] = counts[name] || {success: 0, failure: 0};
            counts[name][letter === 's:' ? 'success' : 'failure'] = +value;
        }
    }
    return counts;
}

/**
 * @param {any} told blocks and openings of others; `null` is a breaker that they closed
 * @param {number} now
 */
export function merge(told, now) {
    for (const [scope, [until, why]] of Object.entries(told.blocks || {})) {
        block(scope, +until, String(why), now);
    }
    for (const [id, breaker] of Object.entries(told.breakers || {})) {
        if (breaker === null) {
            recovered(id, now);
        } else {
            opened(id, +breaker.opened_at, +breaker.open_ms, now);
        }
    }
    for (const id of told.reset || []) {
        close(id);
        unblock('m:' + id);
    }
}

/**
 * @param {string} id
 * @param {number} at
 * @param {number} openMs
 * @param {number} now
 */
function opened(id, at, openMs, now) {
    const before = parseInt(String(health.get('o:' + id)), 10); // up to the tab; not a number if there is none
    if (at + openMs > now && !(before >= at)) {
        open(id, at, openMs);
    }
}
