// @ts-check
// A planned request on its way: what has to outlast an attempt. nginx gives each attempt a JavaScript context of its own,
// so it is kept as JSON in variables.

/** @typedef {import('./policy.js').Failure} Failure */

/**
 * @typedef {object} Trip
 * @property {string} generation of the plan
 * @property {string} name by which the plan is found: `<dialect>:<model as the client asked for it>`
 * @property {number} began
 * @property {number} jumps internal redirects so far; nginx allows ten
 * @property {number[] | null} order what routing said: places of targets, best first
 * @property {string | null} route
 * @property {number} at place of the target under way
 * @property {number} credential its place in the target's pool
 * @property {boolean} claimed whether it goes to a half-open target and has to tell how it went
 * @property {number} sent when the attempt under way began
 * @property {number[]} tried places of targets
 * @property {string[]} shown scopes of the credentials of a pool that have been tried
 * @property {Failure[]} failures one for each attempt that is over
 * @property {string[]} models target ids of all attempts
 * @property {(string | number)[][]} attempts for the record: prefix, provider type, provider model, error, ms waited before
 * @property {number} retrying since when, 0 before the first failure
 * @property {number} retryAfter the longest Retry-After seen, ms, -1 if none
 * @property {Record<string, number>} blocks of this request alone: scope and end
 */

/** @typedef {NginxHTTPRequest & {trip?: Trip, own?: boolean, final?: boolean, seen?: import('./reply.js').Seen}} Request */

/**
 * @param {string} generation
 * @param {string} name
 * @param {number} now
 * @param {number} jumps
 * @returns {Trip}
 */
export function newTrip(generation, name, now, jumps) {
    return {
        generation, name, began: now, jumps, order: null, route: null, at: 0, credential: 0, claimed: false, sent: now,
        tried: [], shown: [], failures: [], models: [], attempts: [], retrying: 0, retryAfter: -1, blocks: {},
    };
}

/**
 * @param {Request} r
 * @returns {Trip | undefined} undefined before the first attempt
 */
export function load(r) {
    const text = r.variables.ostiary_trip;
    if (text) {
        r.trip = JSON.parse(text);
    }
    return r.trip;
}

/**
 * @param {Request} r
 * @param {Trip} trip
 * @param {string} model the resolved name
 */
export function save(r, trip, model) {
    r.trip = trip;
    r.variables.ostiary_trip = JSON.stringify(trip);
    tell(r, trip, model);
}

/**
 * For the record and for the client.
 *
 * @param {Request} r
 * @param {Trip} trip
 * @param {string} model
 */
export function tell(r, trip, model) {
    const exhausted = r.own ? true : undefined;
    r.variables.ostiary_attempts = JSON.stringify({m: model, r: trip.route || '', x: exhausted, a: trip.attempts});
    r.variables.ostiary_tries = String(trip.attempts.length);
}
