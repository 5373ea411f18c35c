// @ts-check
// What binds a request to the backend that served the one before it (PL-28).
import {parsed} from './json.js';
import {left} from './targets.js';

const LONGEST = 256;
const KEPT_MS = 86_400_000;
const MADE_HERE = /"id"\s*:\s*"(resp_[A-Za-z0-9_-]{1,128})"/;

const responses = ngx.shared.ostiary_responses;

/** @typedef {import('./plans.js').Plan} Plan */
/** @typedef {import('./trip.js').Trip} Trip */

/**
 * @param {NginxHTTPRequest} r
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {number} now
 * @returns {{at: number, affinity: string}} the target that made the response which this request goes on from, or -1; and
 *     what the target is chosen by else, empty for nothing
 */
export function bindingOf(r, plan, trip, now) {
    if (plan.targets.length < 2) {
        return {at: -1, affinity: ''};
    }
    const previous = r.uri === '/v1/responses' ? previousResponse(r) : '';
    const maker = previous === '' ? undefined : responses.get(previous);
    const at = maker === undefined ? -1 : plan.targets.findIndex(({id}) => id === maker);
    const affinity = (r.headersIn['X-Model-Affinity'] || previous).slice(0, LONGEST);
    return {at: at >= 0 && left(plan.targets[at], trip, now, false) === 0 ? at : -1, affinity};
}

/**
 * @param {NginxHTTPRequest} r
 * @returns {string}
 */
function previousResponse(r) {
    const text = r.requestText || '';
    if (!text.includes('"previous_response_id"')) {
        return '';
    }
    const body = parsed(text);
    return body !== undefined && typeof body.previous_response_id === 'string' ? body.previous_response_id : '';
}

/**
 * @param {string} text the beginning of an answer of /v1/responses
 * @param {string} target id of the target that gave it
 * @returns {boolean} whether it said what it is called
 */
export function learnMaker(text, target) {
    const found = MADE_HERE.exec(text);
    if (found === null) {
        return false;
    }
    responses.set(found[1], target, KEPT_MS);
    return true;
}
