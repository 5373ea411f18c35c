// @ts-check
// The locations of a planned request: js_access runs here before each attempt.
import {bindingOf} from './affinity.js';
import {launch, retry} from './attempt.js';
import {openLeft} from './backends.js';
import {LONG_BODY, lookFor} from './bounds.js';
import {planned} from './budget.js';
import {borrow, cap, charge} from './charge.js';
import {complain} from './complaints.js';
import {callerOf} from './credential.js';
import {ask, isLimited} from './decisions.js';
import {dialectOf, refuse} from './dialects.js';
import {sayExhausted} from './exhausted.js';
import {parsed} from './json.js';
import {isAllowed} from './limits.js';
import {planOf} from './plans.js';
import {accept, redacted} from './registry.js';
import {collect, entryOf} from './reply.js';
import {canonical} from './request.js';
import {spendOf} from './spend.js';
import {spokenAt} from './spoken.js';
import {firstTarget, ordered, take} from './targets.js';
import {load, newTrip} from './trip.js';

const FIELDS_OF_CALLER = 7; // generation and who; then the fields of a target, see the pattern in nginx.conf
const NO_TARGET = '\t\t\t\t\t\t\t\t\t\t';

/** @typedef {import('./plans.js').Plan} Plan */
/** @typedef {import('./trip.js').Request} Request */
/** @typedef {import('./trip.js').Trip} Trip */

/**
 * js_access. Returning lets nginx go on to proxy_pass.
 *
 * @param {Request} r
 */
export async function access(r) {
    try {
        const trip = load(r);
        if (trip === undefined) {
            await begin(r);
        } else {
            resume(r);
            await retry(r, trip);
            r.seen = r.own ? undefined : r.seen;
        }
    } catch (error) {
        complain(`planned: ${error}`);
        fail(r, 500, 'internal error');
    }
}

/**
 * js_access where the answer is passed on whatever it is.
 *
 * @param {Request} r
 */
export async function last(r) {
    r.final = true;
    if (load(r) !== undefined) {
        resume(r);
        return;
    }
    try {
        await begin(r);
    } catch (error) {
        complain(`planned: ${error}`);
        fail(r, 500, 'internal error');
    }
}

/** @param {Request} r */
function resume(r) {
    collect(r, entryOf(r.variables));
}

/**
 * @param {Request} r
 * @param {number} status
 * @param {string} message
 */
function fail(r, status, message) {
    r.own = true;
    r.seen = undefined;
    refuse(r, dialectOf(r.uri), status, message);
}

/** @param {Request} r */
async function begin(r) {
    const v = r.variables;
    const text = v.ostiary_planned || '';
    const {dialect} = /** @type {import('./spoken.js').Spoken} */ (spokenAt(r.uri));
    const decision = text.slice(0, -1).split('\t', FIELDS_OF_CALLER + 1);
    const [generation, name] = [decision[0], decision[FIELDS_OF_CALLER]];
    const found = planOf(generation, name) || await askAgain(r, generation, name);
    if (found === undefined) {
        return fail(r, 503, 'unavailable');
    }
    const problem = isAllowed(r, found);
    if (problem !== null) {
        return fail(r, problem.status, problem.message);
    }
    const trip = newTrip(generation, name, Date.now(), v.ostiary_known === '1' ? 2 : 1);
    if (found.filtered && !await filter(r, found, dialect)) {
        return undefined;
    }
    if (found.routed || v.ostiary_preferences === '1') {
        await route(r, found, trip, dialect);
    }
    const who = decision.slice(0, FIELDS_OF_CALLER).join('\t');
    const slots = isLimited(text) ? await pay(r, text, name) : undefined;
    return slots === null ? undefined : depart(r, ordered(found, trip.order), trip, who, slots);
}

/**
 * Once, before the first attempt.
 *
 * @param {Request} r
 * @param {string} decision
 * @param {string} name
 * @returns {Promise<string[] | null>} keys of the slots that it has; null if it has been refused
 */
async function pay(r, decision, name) {
    const spend = spendOf(decision);
    const caller = /** @type {import('./credential.js').Caller} */ (callerOf(r));
    const question = {key: caller.hash, surface: 'managed', target: modelIn(name), dialect: name.slice(0, name.indexOf(':'))};
    const dialect = dialectOf(r.uri);
    const bytes = /** @type {Buffer} */ (r.requestBuffer).length;
    if (spend.sized && bytes > LONG_BODY) {
        await lookFor(r);
    }
    const paid = charge(r, dialect, spend, bytes, r.uri);
    const slots = paid ? spend.slots : await borrow(r, dialect, spend, question);
    if (slots !== null) {
        cap(r, spend, '');
    }
    return slots;
}

/**
 * The plan has been pushed out of shared memory.
 *
 * @param {Request} r
 * @param {string} generation
 * @param {string} name
 * @returns {Promise<Plan | undefined>}
 */
async function askAgain(r, generation, name) {
    const caller = callerOf(r);
    if (caller !== undefined) {
        await ask(r, caller, 'managed', modelIn(name));
    }
    return planOf(generation, name);
}

/**
 * @param {string} name of a plan
 * @returns {string} what the client called the model
 */
function modelIn(name) {
    return name.slice(name.indexOf(':') + 1);
}

/**
 * Show the request to the chain of the Model's filters (PL-29). What they made of the body goes on in its stead.
 *
 * @param {Request} r
 * @param {Plan} plan
 * @param {string} dialect
 * @returns {Promise<boolean>} whether it goes on; else it has been answered
 */
async function filter(r, plan, dialect) {
    const caller = callerOf(r);
    const args = `key=${caller ? caller.hash : ''}&model=${encodeURIComponent(plan.model)}&dialect=${dialect}`;
    const reply = await r.subrequest('/_filter', {method: 'POST', args});
    if (reply.status === 204) {
        return true;
    }
    const said = reply.status === 200 ? parsed(reply.responseText) : undefined;
    if (said !== undefined && said.refusal) {
        const {status, message, body} = said.refusal;
        if (message !== undefined) {
            fail(r, status, message);
            return false;
        }
        r.own = true;
        r.headersOut['Content-Type'] = 'application/json';
        r.return(status, body);
        return false;
    }
    const isChanged = said !== undefined && typeof said.body === 'string';
    const problem = isChanged ? replaced(r, said.body) : 'unavailable';
    if (problem !== '') {
        complain(`the sidecar answered ${reply.status} to a question of filters`);
        fail(r, 503, 'unavailable');
        return false;
    }
    return true;
}

/**
 * @param {Request} r
 * @param {string} body
 * @returns {string} what is wrong with it
 */
function replaced(r, body) {
    if (r.variables.ostiary_raw === '1') {
        r.variables.ostiary_body_before = body;
        return '';
    }
    const {ostiary_body_name: name} = r.variables;
    const {problem} = canonical(r, body);
    r.variables.ostiary_body_name = name;
    return problem;
}

/**
 * No answer leaves the natural order.
 *
 * @param {Request} r
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {string} dialect
 */
async function route(r, plan, trip, dialect) {
    const caller = callerOf(r);
    const affinity = r.headersIn['X-Model-Affinity'] || '';
    const question = {key: caller ? caller.hash : '', model: plan.model, dialect, body: r.requestText || '', affinity};
    const reply = await r.subrequest('/_route', {method: 'POST', body: JSON.stringify(question)});
    const said = reply.status === 200 ? parsed(reply.responseText) : undefined;
    if (said === undefined || !Array.isArray(said.order)) {
        complain(`the sidecar answered ${reply.status} to a question of routing`);
        return;
    }
    trip.order = said.order.length > 0 ? said.order : null;
    trip.route = said.route || null;
}

/**
 * @param {Request} r
 * @param {Plan} plan
 * @param {Trip} trip
 * @param {string} who
 * @param {string[] | undefined} slots
 */
function depart(r, plan, trip, who, slots) {
    const v = r.variables;
    const now = Date.now();
    planned(now);
    const binding = bindingOf(r, plan, trip, now);
    let at = binding.at;
    if (at < 0 || !take(plan.targets[at], trip, now)) {
        at = firstTarget(plan, trip, now, binding.affinity);
    }
    const nobody = at < 0;
    if (nobody) {
        at = plan.targets.findIndex((target) => !target.retry_only);
    }
    const {provider, provider_type: type} = plan.targets[at];
    if (v.args) {
        v.ostiary_redacted = redacted(/** @type {string} */ (v.request_uri));
    }
    const entry = accept(r, `${who}\t${provider}\t${type}\t${NO_TARGET}`, slots);
    if (nobody && plan.policy !== null) {
        v.ostiary_provider = '';
        sayExhausted(r, plan, trip, false);
        return;
    }
    if (nobody) { // without a policy somebody is tried, whatever is known of them
        trip.claimed = openLeft(plan.targets[at], now) > 0;
    }
    collect(r, entry);
    launch(r, plan, trip, at, 0);
}

export default {access, last};
