// @ts-check
// Once a second, in one worker: what a dead process had under way is told as lost, and complaints are said.
import fs from 'fs';
import {release} from './budget.js';
import {giveBack, slotsOf, slotsOut} from './purses.js';
import settings from './settings.js';

const MOST = 65536;
const LEAK_MS = 5000;

/** js_periodic. */
export function tick() {
    say();
    const dead = deadWorkers();
    const lost = abandoned(dead);
    if (lost.length > 0) {
        fs.appendFileSync(settings.spool, lost.map(([id, fields]) => lostLine(id, fields)).join(''));
        lost.forEach(([id, fields]) => freed(id, fields));
    }
    heal(Date.now());
    for (const pid of dead) {
        ngx.shared.ostiary_logging.delete(pid);
        ngx.shared.ostiary_workers.delete(pid);
        release(pid);
    }
}

/**
 * The slots of a request that is lost, unless it is of an nginx before this one.
 *
 * @param {string} id
 * @param {string} fields
 */
function freed(id, fields) {
    if (ngx.shared.ostiary_inflight.delete(id) && id.startsWith(settings.epoch + '-')) {
        giveBack(slotsOf(heldIn(fields)));
    }
}

/**
 * A slot of a worker that was killed between taking it and being under way, or between its end and giving it back: out by
 * the numbers, but nobody has it.
 *
 * @param {number} now
 */
function heal(now) {
    const state = ngx.shared.ostiary_state;
    const out = Object.entries(slotsOut());
    const held = out.length > 0 ? slotsHeld() : {};
    /** @type {Record<string, [number, number]>} */
    const before = JSON.parse(String(state.get('leaks') || '{}'));
    /** @type {Record<string, [number, number]>} */
    const leaks = {};
    for (const [key, n] of out) {
        const excess = n < 0 ? n : Math.max(0, n - (held[key] || 0));
        const [steady, since] = persistent(before[key], excess, now);
        if (steady !== 0 && now - since >= LEAK_MS) {
            ngx.shared.ostiary_slots.incr(key, steady, 0);
        } else if (steady !== 0) {
            leaks[key] = [steady, since];
        }
    }
    state.set('leaks', JSON.stringify(leaks));
}

/**
 * @param {[number, number] | undefined} before what was too much at the last look, and since when
 * @param {number} excess
 * @param {number} now
 * @returns {[number, number]} what was too much all the time since
 */
function persistent(before, excess, now) {
    if (before === undefined || Math.sign(before[0]) !== Math.sign(excess)) {
        return [excess, now];
    }
    return [Math.abs(excess) < Math.abs(before[0]) ? excess : before[0], before[1]];
}

/** @returns {Record<string, number>} purse key of slots -> how many requests under way hold one */
function slotsHeld() {
    /** @type {Record<string, number>} */
    const held = {};
    for (const [, fields] of ngx.shared.ostiary_inflight.items(MOST)) {
        for (const key of slotsOf(heldIn(String(fields)))) {
            held[key] = (held[key] || 0) + 1;
        }
    }
    return held;
}

/**
 * @param {string} fields
 * @returns {string} the last but one of them
 */
function heldIn(fields) {
    const end = fields.lastIndexOf('\t');
    return fields.slice(fields.lastIndexOf('\t', end - 1) + 1, end);
}

function say() {
    const complaints = ngx.shared.ostiary_complaints;
    for (const text of complaints.keys(64)) {
        complaints.delete(text);
        ngx.log(ngx.ERR, text);
    }
}

/** @returns {string[]} process ids */
function deadWorkers() {
    return ngx.shared.ostiary_workers.keys(1024).filter((pid) => !isAlive(pid));
}

/**
 * @param {string} pid
 * @returns {boolean} whether it is a worker of this nginx, and not somebody who got its number
 */
function isAlive(pid) {
    try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return fields[0] !== 'Z' && fields[0] !== 'X' && +fields[1] === process.ppid;
    } catch {
        return false;
    }
}

/**
 * @param {string[]} dead
 * @returns {[string, string][]} ids and fields
 */
function abandoned(dead) {
    if (dead.length === 0) {
        return [];
    }
    /** @type {[string, string][]} */
    const lost = [];
    for (const pid of dead) {
        const last = ngx.shared.ostiary_logging.get(pid);
        if (typeof last === 'string') {
            const tab = last.indexOf('\t');
            lost.push([last.slice(0, tab), last.slice(tab + 1)]);
        }
    }
    for (const [id, fields] of ngx.shared.ostiary_inflight.items(MOST)) {
        if (dead.includes(String(fields).slice(String(fields).lastIndexOf('\t') + 1))) {
            lost.push([id, String(fields)]);
        }
    }
    return lost;
}

/**
 * @param {string} id
 * @param {string} fields
 * @returns {string}
 */
function lostLine(id, fields) {
    const now = (Date.now() / 1000).toFixed(3);
    return `\x1e{"v":1,"id":${JSON.stringify(id)},"s":${JSON.stringify(fields)},"t":${now},"lost":true}\n`;
}

export default {tick};
