// @ts-check
// After a client has left, or has its answer: the guard reads the provider's answer to its end and tells the usage in it.
// nginx has thrown away what JavaScript knew of the request by now; variables are left.
import {finish, planFor} from './attempt.js';
import {completed, failed} from './backends.js';
import {complain} from './complaints.js';
import {giveBack, slotsOf} from './purses.js';
import settings from './settings.js';
import {load} from './trip.js';

const NOTHING = '{"last":false}';
const LEFT_EARLY = '009'; // what nginx says here of a client that left before it got a status

/**
 * js_content of a post_action.
 *
 * @param {import('./trip.js').Request} r
 */
export async function read(r) {
    const v = r.variables;
    const {status} = v;
    const trip = load(r);
    v.ostiary_took = v.request_time;
    if (trip !== undefined) {
        if (v.ostiary_held) {
            giveBack(slotsOf(v.ostiary_held));
            v.ostiary_held = ''; // and not once more in the log phase
        }
        finish(trip); // what others wait for is not held while the answer is read on
        const heard = (v.ostiary_attempts || '').includes('"x":true') ? '{"last":true}' : await told(r);
        v.ostiary_drained = heard || NOTHING;
        if (heard !== '') {
            learn(r, trip, Number(status));
        }
    }
    r.return(status === LEFT_EARLY ? 499 : Number(status)); // this goes into the record, the client has its answer
}

/**
 * @param {NginxHTTPRequest} r
 * @returns {Promise<string>} JSON as reply.js tells it; empty if the guard that knew is gone, which is no backend's fault
 */
async function told(r) {
    try {
        const reply = await ngx.fetch(`http://unix:${settings.guard}:/drained/${r.variables.ostiary_id}`);
        return reply.status === 200 ? await reply.text() : '';
    } catch (error) {
        complain(`drained: ${error}`);
        return '';
    }
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./trip.js').Trip} trip
 * @param {number} status
 */
function learn(r, trip, status) {
    const plan = planFor(trip);
    if (plan === undefined || status < 200 || status >= 400) {
        return;
    }
    if (JSON.parse(/** @type {string} */ (r.variables.ostiary_drained)).last) {
        completed(plan.targets[trip.at].id);
    } else if (r.variables.request_completion === 'OK') {
        failed(plan.targets[trip.at], false, Date.now());
    }
}

export default {read};
