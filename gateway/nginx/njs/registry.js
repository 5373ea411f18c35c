// @ts-check
// Which requests are under way: one entry each, from acceptance to its line in the spool.
import {complain} from './complaints.js';
import settings from './settings.js';
import {clean} from './credential.js';
import {IDENTITY, PROVIDER, PROVIDER_TYPE} from './decisions.js';

const inflight = ngx.shared.ostiary_inflight;
const logging = ngx.shared.ostiary_logging;
const counts = ngx.shared.ostiary_counts;
const pid = process.pid;

let announced = false; // of the process, not of a request: sweep.js watches those it knows

const SECRET_ARGUMENT = /([?&](?:[^=&]*(?:key|token|secret|password|signature|credential)|sig|auth|code)=)[^&]*/gi;

/**
 * Give the request its id and its place in the registry: from here on it leaves exactly one record.
 *
 * @param {NginxHTTPRequest} r
 * @param {string} surface
 * @param {import('./decisions.js').Decision} decision
 * @param {string} mask
 * @param {string} requested model name as the client wrote it, empty on pass-through
 */
export function accept(r, surface, decision, mask, requested) {
    const v = r.variables;
    const id = settings.epoch + '-' + counts.incr('issued', 1, 0);
    const fields = surface + '\t' + decision[IDENTITY] + '\t' + decision[IDENTITY + 1] + '\t' + decision[IDENTITY + 2]
        + '\t' + decision[IDENTITY + 3] + '\t' + decision[IDENTITY + 4] + '\t' + mask + '\t' + decision[PROVIDER]
        + '\t' + decision[PROVIDER_TYPE] + '\t' + requested + '\t' + v.ostiary_request_id + '\t' + r.method
        + '\t' + endpoint(/** @type {string} */ (v.request_uri)) + '\t' + Date.now() + '\t' + pid;
    if (!announced) {
        ngx.shared.ostiary_workers.set(String(pid), '1');
        announced = true;
    }
    try {
        inflight.set(id, fields);
    } catch (error) {
        complain(`the registry of requests under way is full: ${error}`);
    }
    v.ostiary_id = id;
    v.ostiary_fields = fields;
}

/**
 * The line is about to be written. A process that dies between the two steps leaves the entry under its pid.
 *
 * @param {string} id
 * @param {string} fields
 */
export function settle(id, fields) {
    logging.set(pid + '', id + '\t' + fields);
    inflight.delete(id);
}

/**
 * @param {string} uri raw request URI
 * @returns {string} the same with the values of credential-like query parameters gone
 */
export function endpoint(uri) {
    const text = uri.indexOf('?') < 0 ? uri : uri.replace(SECRET_ARGUMENT, '$1REDACTED');
    return clean(text);
}
