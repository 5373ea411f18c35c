// @ts-check
// The sidecar's decisions: asked for once, kept in shared memory while their generation is in force.
import {complain} from './complaints.js';
import settings from './settings.js';
import {clean} from './credential.js';

/**
 * A decision as it lies in shared memory: fields between tabs. One that refuses has `REFUSED` set and its status and
 * message in the two places after it.
 *
 * @typedef {string[]} Decision
 */

const GENERATION = 0;
const UNTIL = 1;
export const REFUSED = 2;
export const STATUS = 3;
export const MESSAGE = 4;
export const IDENTITY = 3; // key id, key version, key name, namespace, owner
export const PROVIDER = 8;
export const PROVIDER_TYPE = 9;
export const UPSTREAM = 10;
export const SCHEME = 11;
export const HOST = 12;
export const BASE_PATH = 13;
export const MODEL = 14;
export const CREDENTIAL_HEADER = 15;
export const CREDENTIAL = 16;

const granted = ngx.shared.ostiary_decisions;
const refused = ngx.shared.ostiary_refusals;
const state = ngx.shared.ostiary_state;

/**
 * @param {string} key SHA-256 of the caller's key
 * @param {string} surface
 * @param {string} target
 * @returns {Decision | undefined} undefined if there is none that may still be used
 */
export function recall(key, surface, target) {
    const name = key + surface + target;
    let packed = granted.get(name);
    if (packed === undefined) {
        packed = refused.get(name);
        if (packed === undefined) {
            return undefined;
        }
    }
    const decision = /** @type {string} */ (packed).split('\t');
    if (decision[GENERATION] !== state.get('generation') || +decision[UNTIL] <= Date.now()) {
        return undefined;
    }
    return decision;
}

/**
 * Ask the sidecar. No answer, or one that is not a decision, is undefined: the caller refuses (LM-11).
 *
 * @param {NginxHTTPRequest} r
 * @param {string} key SHA-256 of the caller's key
 * @param {'managed' | 'pass_through'} surface
 * @param {string} target
 * @returns {Promise<Decision | undefined>}
 */
export async function ask(r, key, surface, target) {
    const reply = await r.subrequest('/_auth', {method: 'POST', body: JSON.stringify({key, surface, target})});
    if (reply.status !== 200) {
        complain(`the sidecar answered ${reply.status}`);
        return undefined;
    }
    const answer = JSON.parse(reply.responseText || '');
    const now = Date.now();
    const decision = unpacked(answer, now);
    if (decision !== undefined && decision[GENERATION] === state.get('generation') && +decision[UNTIL] > now) {
        keep(key + surface + target, decision);
    }
    return decision;
}

/**
 * @param {any} answer what the sidecar says, see contract/decision.py
 * @param {number} now Unix milliseconds
 * @returns {Decision | undefined}
 */
function unpacked(answer, now) {
    const lease = now + settings.decisionMs;
    const until = answer.expires_ms ? Math.min(lease, answer.expires_ms) : lease;
    const head = [answer.generation, String(until)];
    if (answer.refusal) {
        return [...head, '1', String(answer.refusal.status), clean(answer.refusal.message)];
    }
    const who = answer.identity;
    if (!who) {
        return undefined;
    }
    const backend = (answer.backends || [])[0];
    return [
        ...head, '', who.key_id, who.key_version, who.name, who.namespace, who.owner,
        ...(backend ? [
            backend.provider, backend.provider_type, backend.upstream, backend.scheme, backend.host, backend.base_path,
            backend.model, backend.credential_header || '', backend.credential || '',
        ] : []),
    ].map(clean);
}

/**
 * Refusals have a small zone of their own, so that made-up keys cannot push out the decisions in use.
 *
 * @param {string} name
 * @param {Decision} decision
 */
function keep(name, decision) {
    try {
        (decision[REFUSED] ? refused : granted).set(name, decision.join('\t'));
    } catch (error) {
        complain(`a decision was not kept: ${error}`);
    }
}
