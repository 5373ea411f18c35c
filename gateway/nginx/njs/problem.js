// @ts-check
// What nginx itself refuses, said in the caller's dialect.
import {finish, note, planFor} from './attempt.js';
import {complain} from './complaints.js';
import {errorBody} from './dialects.js';
import {load} from './trip.js';

/** @type {Record<string, string>} */
const MESSAGES = {
    400: 'bad request', 403: 'forbidden', 404: 'not found', 405: 'method not allowed', 408: 'request timeout',
    411: 'length required', 413: 'request body too large', 414: 'request URI too long', 421: 'misdirected request',
    431: 'request headers too large', 500: 'internal error', 501: 'not implemented', 502: 'provider error',
    503: 'unavailable', 504: 'provider timeout', 505: 'HTTP version not supported',
};

/**
 * js_content of the location that `error_page` names.
 *
 * @param {NginxHTTPRequest} r
 */
export function say(r) {
    const status = +(r.variables.status || 0) || 500;
    if (status >= 500) {
        complain(`${status} from ${r.variables.upstream_addr || 'nginx itself'}: ${MESSAGES[status] || 'error'}`);
    }
    settlePlanned(r);
    const dialect = /** @type {import('./dialects.js').Dialect} */ (r.variables.ostiary_dialect);
    r.headersOut['Content-Type'] = 'application/json';
    r.return(status, errorBody(dialect, status, MESSAGES[status] || 'error', r.variables.ostiary_request_id || ''));
}

/**
 * The last attempt of a planned request got no answer.
 *
 * @param {import('./trip.js').Request} r
 */
function settlePlanned(r) {
    const trip = load(r);
    const plan = trip && planFor(trip);
    if (trip !== undefined && plan !== undefined) {
        note(r, plan, trip, Date.now());
    }
    if (trip !== undefined) {
        finish(trip);
    }
}

export default {say};
