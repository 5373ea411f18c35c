// @ts-check
// The sidecar's decisions: asked for once, kept in shared memory while their generation is in force.
//
// A decision lies there as one text with tabs between its fields. JavaScript reads no more of it than the generation it
// begins with: nginx.conf takes it apart by a pattern, which costs a tenth of split().
import {complain} from './complaints.js';
import {clean} from './credential.js';
import {ascii, standing} from './orders.js';
import settings from './settings.js';
import {familyOf, spokenAt} from './spoken.js';
import {acquaint, count, turnedAway} from './strangers.js';

/** @typedef {{status: number, message: string, stranger?: boolean}} Refusal `stranger`: it is nobody's key */

/**
 * How the text of a decision may end; no field can hold these. A limited key spends (its last field), a planned one has
 * more than one way to go.
 */
const PLANNED = 1;
const LIMITED = 2;
const PLANNED_LIMITED = 3;
const TRANSLATED = 4; // it has one way, through the translator
const TRANSLATED_LIMITED = 5;
const DEFAULT_VERSION = '2023-06-01';
const STRANGERS = ['missing_api_key', 'invalid_api_key', 'key_disabled', 'key_expired'];

const granted = ngx.shared.ostiary_decisions;
const plans = ngx.shared.ostiary_plans;
const refused = ngx.shared.ostiary_refusals;
const state = ngx.shared.ostiary_state;

/**
 * Whether this key was vouched for lately: a cheap look before a body is read, no authorisation.
 *
 * @param {string} hash SHA-256 of the caller's key
 * @returns {boolean}
 */
export function isKnown(hash) {
    return granted.has(hash);
}

/**
 * @param {string} decision
 * @returns {boolean}
 */
export function isPlanned(decision) {
    const mark = decision.charCodeAt(decision.length - 1);
    return mark === PLANNED || mark === PLANNED_LIMITED;
}

/**
 * @param {string} decision
 * @returns {boolean}
 */
export function isLimited(decision) {
    const mark = decision.charCodeAt(decision.length - 1);
    return mark === LIMITED || mark === PLANNED_LIMITED || mark === TRANSLATED_LIMITED;
}

/**
 * @param {string} decision
 * @returns {boolean}
 */
export function isTranslated(decision) {
    const mark = decision.charCodeAt(decision.length - 1);
    return mark === TRANSLATED || mark === TRANSLATED_LIMITED;
}

/**
 * @param {string} name of the decision: hash of the key, and the target with the letter of its dialect or surface
 * @returns {string | undefined} the decision, undefined if there is none that may still be used
 */
export function recall(name) {
    const packed = /** @type {string | undefined} */ (granted.get(name));
    if (packed !== undefined && packed.startsWith(/** @type {string} */ (state.get('generation')))) {
        return packed;
    }
    return undefined;
}

/**
 * @param {string} name
 * @returns {Refusal | undefined} the refusal that is still in force
 */
export function recallRefusal(name) {
    const packed = /** @type {string | undefined} */ (refused.get(name));
    if (packed === undefined) {
        return undefined;
    }
    const [generation, status, message, stranger] = packed.split('\t');
    return generation === state.get('generation') ? {status: +status, message, stranger: stranger === '1'} : undefined;
}

/**
 * Ask the sidecar, unless it has refused the same just now. No answer, or one that is not a decision, is undefined: the
 * caller refuses (LM-11).
 *
 * @param {NginxHTTPRequest} r
 * @param {import('./credential.js').Caller} caller
 * @param {'managed' | 'pass_through'} surface
 * @param {string} target
 * @param {string} [model] that a pass-through request names
 * @returns {Promise<string | Refusal | undefined>}
 */
export async function ask(r, caller, surface, target, model) {
    const name = decisionName(r, caller, surface, target, model);
    const known = turnedAway(r, caller.hash) || recallRefusal(name);
    if (known) {
        return noted(r, known);
    }
    const dialect = surface === 'managed' && target !== '' ? spokenBy(r).dialect : undefined;
    const question = JSON.stringify({key: caller.hash, surface, target, model, dialect});
    const reply = await r.subrequest('/_auth', {method: 'POST', body: question});
    if (reply.status !== 200) {
        complain(`the sidecar answered ${reply.status}`);
        return undefined;
    }
    const answer = JSON.parse(reply.responseText || '');
    if (answer.refusal) {
        const {status, message, code} = answer.refusal;
        const stranger = STRANGERS.includes(code);
        keep(refused, name, `${answer.generation}\t${status}\t${clean(message)}\t${stranger ? '1' : ''}`, answer);
        return noted(r, {status, message, stranger});
    }
    acquaint(caller.hash);
    if (answer.plan) {
        const plan = answer.expires_ms ? {...answer.plan, expires_ms: answer.expires_ms} : answer.plan; // it holds tokens that end
        keep(plans, `${answer.generation}\t${dialect}:${target}`, JSON.stringify(plan), answer);
    }
    const packed = answer.plan ? packPlanned(answer, caller.mask, `${dialect}:${target}`) : pack(answer, caller.mask, r.uri);
    if (packed !== undefined) {
        keep(granted, name, packed, answer);
        if (surface === 'managed' && target !== '') {
            keep(granted, caller.hash, packed, answer); // known for as long as any of its decisions
        }
    }
    return packed;
}

/**
 * @param {NginxHTTPRequest} r a managed one
 * @returns {import('./spoken.js').Spoken}
 */
function spokenBy(r) {
    return /** @type {import('./spoken.js').Spoken} */ (spokenAt(r.uri));
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./credential.js').Caller} caller
 * @param {string} surface
 * @param {string} target
 * @param {string} [model]
 * @returns {string}
 */
function decisionName(r, caller, surface, target, model) {
    if (model !== undefined) {
        return `${caller.hash}q${target}/${model}`;
    }
    if (surface === 'managed') {
        return target === '' ? caller.hash : caller.hash + spokenBy(r).letter + target;
    }
    return caller.hash + 'p' + target;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Refusal} refusal
 * @returns {Refusal}
 */
function noted(r, refusal) {
    if (refusal.stranger) {
        count(r);
    }
    return refusal;
}

/**
 * @param {any} plan as the sidecar sends it
 * @returns {'' | 'guarded' | 'draining'} the location of a plan that needs the guard
 */
export function wayOf(plan) {
    if (!plan.guarded) {
        return '';
    }
    return plan.targets.some((/** @type {any} */ target) => target.drain_ms > 0) ? 'draining' : 'guarded';
}

/**
 * @param {any} plan as the sidecar sends it
 * @returns {boolean} whether its first attempt is its last, whatever comes of it
 */
function hasOneTry({policy, targets}) {
    return !policy && targets.length === 1 && (targets[0].credentials || []).length < 2;
}

/**
 * Who it is, the name of the plan, what of it may be retried, and the location that carries it out.
 *
 * @param {any} answer
 * @param {string} mask
 * @param {string} name
 * @returns {string}
 */
function packPlanned(answer, mask, name) {
    const {identity: who, plan} = answer;
    const rule = plan.intercept || 'builtin';
    const way = wayOf(plan);
    const location = hasOneTry(plan) ? (way === '' ? 'last' : `${way}_last`) : way || (rule === 'builtin' ? 'builtin' : 'policy');
    const fields = [answer.generation, who.key_id, who.key_version, who.name, who.namespace, who.owner, mask, name, rule, location];
    return joined(fields) + ending(answer, PLANNED, PLANNED_LIMITED);
}

/**
 * @param {any} answer
 * @param {number} mark
 * @param {number} limited
 * @returns {string} what the key spends, and the mark
 */
function ending({spend}, mark, limited) {
    return spend ? `\t${JSON.stringify(spend)}${String.fromCharCode(limited)}` : mark > 0 ? String.fromCharCode(mark) : '';
}

/**
 * @param {any[]} fields
 * @returns {string}
 */
function joined(fields) {
    return fields.map((field) => clean(String(field))).join('\t');
}

/**
 * The fields in the order of the pattern of $ostiary_identity in nginx.conf.
 *
 * @param {any} answer what the sidecar says, see contract/decision.py
 * @param {string} mask
 * @param {string} uri
 * @returns {string | undefined}
 */
function pack(answer, mask, uri) {
    const who = answer.identity;
    if (!who) {
        return undefined;
    }
    const backend = (answer.backends || [])[0] || {provider_type: ''};
    const header = backend.credential_header || '';
    /** @param {string} name */
    const credential = (name) => (header === name && backend.signing !== 'aws' ? backend.credential : '');
    const fields = [
        answer.generation, who.key_id, who.key_version, who.name, who.namespace, who.owner, mask, backend.provider, backend.provider_type,
        backend.translate ? `http://ostiary_translator/${backend.translate}` : `${backend.scheme}://${backend.upstream}${backend.base_path}`,
        backend.host, backend.model,
        backend.provider_type === 'anthropic' || backend.translate === 'messages' ? DEFAULT_VERSION : '',
        backend.translate ? '' : familyOf(backend.provider_type),
        header === '' ? 'caller' : 'held',
        credential('authorization'), credential('x-api-key'), credential('api-key'), credential('x-goog-api-key'),
        backend.translate ? ascii(ordersOf(backend, uri)) : '',
    ];
    return joined(fields) + (backend.translate ? ending(answer, TRANSLATED, TRANSLATED_LIMITED) : ending(answer, 0, LIMITED));
}

/**
 * @param {any} backend that is asked in another dialect than the client's
 * @param {string} uri
 */
function ordersOf(backend, uri) {
    const {dialect} = /** @type {import('./spoken.js').Spoken} */ (spokenAt(uri));
    const orders = standing(backend, dialect, {uri, maxTokens: settings.maxOutputTokens, credential: backend.credential});
    return {...orders, name: backend.name};
}

/**
 * Refusals have a small zone of their own, so that made-up keys cannot push out the decisions in use. What is not of the
 * generation in force when it has been written is taken back.
 *
 * @param {NgxSharedDict} zone
 * @param {string} name
 * @param {string} packed
 * @param {{generation: string, expires_ms?: number}} answer
 */
function keep(zone, name, packed, answer) {
    const left = answer.expires_ms ? answer.expires_ms - Date.now() : settings.decisionMs;
    if (left <= 0 || answer.generation !== state.get('generation')) {
        return;
    }
    try {
        zone.set(name, packed, Math.min(left, settings.decisionMs));
        if (answer.generation !== state.get('generation')) {
            zone.delete(name);
        }
    } catch (error) {
        complain(`a decision was not kept: ${error}`);
    }
}
