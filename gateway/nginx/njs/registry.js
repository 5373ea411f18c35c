// @ts-check
// Which requests are under way: one entry each, from acceptance to its line in the spool.
import {complain} from './complaints.js';
import {giveBack} from './purses.js';
import settings from './settings.js';

const inflight = ngx.shared.ostiary_inflight;
const logging = ngx.shared.ostiary_logging;
const counts = ngx.shared.ostiary_counts;
const pid = String(process.pid);
const prefix = settings.epoch + '-';
let announced = false; // of the process, not of a request: sweep.js watches those it knows

const SECRET_ARGUMENT = /([?&](?:[^=&]*(?:key|token|secret|password|signature|credential)|sig|auth|code)=)[^&]*/gi;

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} fields
 * @property {string[]} [slots] keys of purses that get one back when it is over
 */

/**
 * Give the request its id and its place in the registry: from here on it leaves exactly one record.
 *
 * @param {NginxHTTPRequest} r
 * @param {string} decision nginx.conf takes the fields of the record out of it
 * @param {string[]} [slots] that a limited request holds; what else it holds is in $ostiary_held
 * @returns {Entry}
 */
export function accept(r, decision, slots) {
    const v = r.variables;
    const id = prefix + counts.incr('issued', 1, 0);
    v.ostiary_decision = decision;
    v.ostiary_id = id;
    const fields = /** @type {string} */ (v.ostiary_fields);
    try {
        if (!announced) {
            ngx.shared.ostiary_workers.set(pid, '1');
            announced = true;
        }
        inflight.set(id, fields);
    } catch (error) {
        complain(`the registry of requests under way is full: ${error}`);
    }
    return {id, fields, slots};
}

/**
 * The line is about to be written. A process that dies between the first two steps leaves the entry under its pid. Slots come
 * last, so that none can come back twice.
 *
 * @param {Entry} entry
 */
export function settle({id, fields, slots}) {
    logging.set(pid, id + '\t' + fields);
    inflight.delete(id);
    if (slots !== undefined) {
        giveBack(slots);
    }
}

/**
 * @param {string} uri raw request URI
 * @returns {string} the same with the values of credential-like query parameters gone
 */
export function redacted(uri) {
    return uri.replace(SECRET_ARGUMENT, '$1REDACTED');
}
