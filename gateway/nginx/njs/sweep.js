// @ts-check
// Once a second, in one worker: what a dead process had under way is told as lost, and complaints are said.
import fs from 'fs';
import {release} from './budget.js';
import settings from './settings.js';

const MOST = 65536;

/** js_periodic. */
export function tick() {
    say();
    const dead = deadWorkers();
    const lost = abandoned(dead);
    if (lost.length > 0) {
        fs.appendFileSync(settings.spool, lost.map(([id, fields]) => lostLine(id, fields)).join(''));
        lost.forEach(([id]) => ngx.shared.ostiary_inflight.delete(id));
    }
    for (const pid of dead) {
        ngx.shared.ostiary_logging.delete(pid);
        ngx.shared.ostiary_workers.delete(pid);
        release(pid);
    }
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
