// @ts-check
// The answer to a planned request on its way to the client: what it teaches is learnt before the client has it, so that
// the next request goes elsewhere already.
import fs from 'fs';
import {learnMaker} from './affinity.js';
import {finish, planFor} from './attempt.js';
import {completed, failed, measured} from './backends.js';
import {errorOf, failureOf, learnFailure, learnLatency} from './outcome.js';
import {body as pass, line as settle, onlyOurs, toldOf as collected} from './reply.js';
import {tell} from './trip.js';
import {byTheProvider} from './truth.js';

const FIRST_CHUNKS = 8;
const EXITING = 4; // PF_EXITING of Linux


/**
 * @typedef {import('./trip.js').Request & {watch?: Watch}} Request
 * @typedef {object} Watch
 * @property {import('./plans.js').Plan} plan
 * @property {boolean} total whether the time of the whole answer counts
 * @property {number} unnamed chunks of an answer of /v1/responses in which its id is still looked for
 */

/**
 * js_header_filter.
 *
 * @param {Request} r
 */
export function header(r) {
    const {trip} = r;
    const plan = trip === undefined || r.own ? undefined : planFor(trip);
    if (trip === undefined || plan === undefined) {
        return;
    }
    const now = Date.now();
    const failure = failureOf(r, plan, trip, now);
    const {claimed} = trip;
    learnFailure(r, plan, trip, failure, now);
    if (claimed) {
        r.variables.ostiary_trip = JSON.stringify(trip); // it must not be given back by drained.js
    }
    const error = errorOf(r, failure);
    if (failure.kind !== 'status' || !error.startsWith('http_')) { // an answer of our own in the provider's stead
        trip.attempts[trip.attempts.length - 1][3] = error;
        tell(r, trip, plan.model);
    }
    if (r.status >= 400) {
        return;
    }
    const ttfb = now - trip.sent;
    measured(plan.targets[trip.at].id, ttfb, now);
    const {on_high_latency: rule = null} = plan.policy || {};
    const isTotal = rule !== null && rule.measure === 'total';
    if (!isTotal) {
        learnLatency(plan, trip, ttfb, ttfb, now);
    }
    const unnamed = r.uri === '/v1/responses' && plan.targets.length > 1 ? FIRST_CHUNKS : 0;
    if (isTotal || unnamed > 0) {
        r.watch = {plan, total: isTotal, unnamed};
    }
}

/**
 * js_body_filter.
 *
 * @param {Request} r
 * @param {Buffer} chunk
 * @param {NginxHTTPSendBufferOptions} flags
 */
export function body(r, chunk, flags) {
    if (r.watch !== undefined && r.trip !== undefined) {
        look(r.watch, r.trip, chunk);
    }
    pass(r, chunk, flags);
}

/**
 * An answer that takes longer than it may is known to be slow before it ends.
 *
 * @param {Watch} watch
 * @param {import('./trip.js').Trip} trip
 * @param {Buffer} chunk
 */
function look(watch, trip, chunk) {
    const now = Date.now();
    if (watch.total) {
        watch.total = !learnLatency(watch.plan, trip, 0, now - trip.sent, now);
    }
    if (watch.unnamed > 0 && chunk.length > 0) {
        const isNamed = learnMaker(chunk.toString(), watch.plan.targets[trip.at].id);
        watch.unnamed = isNamed ? 0 : watch.unnamed - 1;
    }
}

/**
 * js_set for `if=` of the spool, in the log phase.
 *
 * @param {Request} r
 * @returns {string}
 */
export function line(r) {
    const {trip, seen} = r;
    if (trip !== undefined) {
        const plan = seen !== undefined && seen.broken && !guardIsGone(r) ? planFor(trip) : undefined;
        if (plan !== undefined) {
            failed(plan.targets[trip.at], false, Date.now());
        } else if (seen !== undefined && (seen.last || seen.over === true) && r.status < 500) {
            completed(trip.models[trip.models.length - 1]);
        }
        finish(trip);
    }
    return settle(r);
}

/**
 * A guard that is killed breaks off the answers that it carries; the backends did not.
 *
 * @param {Request} r
 * @returns {boolean}
 */
function guardIsGone(r) {
    const pid = r.variables.upstream_http_x_ostiary_guard_pid;
    if (pid === undefined) {
        return false;
    }
    try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, , , , , , flags] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return state === 'Z' || state === 'X' || (+flags & EXITING) !== 0; // its connections end before it is a corpse
    } catch {
        return true;
    }
}

/**
 * js_set in the log phase. An answer of our own is whole.
 *
 * @param {Request} r
 * @returns {string} JSON
 */
export function told(r) {
    const v = r.variables;
    if (r.own) {
        return '{"last":true}';
    }
    const seen = (/** @type {number} */ known) => v.ostiary_drained || collected(r, known);
    return v.ostiary_translate ? byTheProvider(/** @type {string} */ (v.ostiary_id), seen) : seen(0);
}

export default {header, body, line, onlyOurs, told};
