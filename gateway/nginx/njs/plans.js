// @ts-check
// Plans: how the requests for one name are carried out, see contract/decision.py. They lie in shared memory as JSON; a
// context keeps the few that it parsed last.
import crypto from 'crypto';
import {clean} from './credential.js';
import {wayOf} from './decisions.js';

const MOST = 32;

const zone = ngx.shared.ostiary_plans;

/**
 * A target as it is used here: every default filled in. Scopes are what blocks are kept under.
 *
 * @typedef {object} Target
 * @property {string} id
 * @property {string} provider
 * @property {string} provider_type
 * @property {string} upstream
 * @property {string} scheme
 * @property {string} host
 * @property {string} base_path
 * @property {string} model
 * @property {string} credential_header
 * @property {string[]} credentials
 * @property {number} weight
 * @property {number} priority
 * @property {boolean} retry_only
 * @property {number} cost
 * @property {number} quality
 * @property {{failures: number, open_ms: number, warm_up_ms: number}} breaker
 * @property {string[][]} headers
 * @property {number} drain_ms
 * @property {string} translate
 * @property {string} path
 * @property {string} stream_path
 * @property {'' | 'aws'} signing
 * @property {string} region
 * @property {string} modelScope
 * @property {string} providerScope
 * @property {string[]} credentialScopes one for each credential; empty where there is no choice of them
 */

/**
 * @typedef {import('./policy.js').LatencyRule & {block_ms: number, scope: Scope, apply_to: Reach, min_triggers: number, window_ms: number}} LatencyRule
 * @typedef {import('./policy.js').Policy & {on_high_latency?: LatencyRule | null, retry_after: {scope: Scope, apply_to: Reach, max_ms: number}}} Policy
 * @typedef {'model' | 'provider'} Scope
 * @typedef {'request' | 'global'} Reach
 */

/**
 * @typedef {object} Plan
 * @property {string} model
 * @property {Target[]} targets
 * @property {'priority' | 'weighted' | 'cost' | 'latency' | 'balanced' | 'quality'} selection
 * @property {Policy | null} policy
 * @property {{attempt_ms: number, first_byte_ms: number, between_bytes_ms: number, request_ms: number}} timeouts
 * @property {number} keep_alive_ms
 * @property {number} max_request_bytes
 * @property {number} max_output_tokens
 * @property {number} expires_ms when a token in it does, 0 never
 * @property {boolean} routed
 * @property {boolean} guarded
 * @property {boolean} filtered
 * @property {boolean} stateful
 * @property {'' | 'guarded' | 'draining'} way which locations are its own
 */

const TARGET = {
    credential_header: '', credentials: [], weight: 1, priority: 0, retry_only: false, cost: -1, quality: -1,
    breaker: {failures: 5, open_ms: 300_000, warm_up_ms: 30_000}, headers: [], drain_ms: 0,
    translate: '', path: '', stream_path: '', signing: '', region: '',
};
const PLAN = {
    selection: 'priority', policy: null, timeouts: {attempt_ms: 0, first_byte_ms: 0, between_bytes_ms: 0, request_ms: 0},
    keep_alive_ms: 0, max_request_bytes: 0, max_output_tokens: 0, expires_ms: 0, routed: false, guarded: false, filtered: false,
    stateful: false,
};

/** @type {Map<string, Plan>} */
const parsed = new Map();

/**
 * @param {string} generation
 * @param {string} name `<dialect>:<model as the client asked for it>`
 * @returns {Plan | undefined}
 */
export function planOf(generation, name) {
    const key = generation + '\t' + name;
    const known = parsed.get(key);
    if (known !== undefined && (known.expires_ms === 0 || known.expires_ms > Date.now())) {
        return known;
    }
    const text = /** @type {string | undefined} */ (zone.get(key));
    if (text === undefined) {
        parsed.delete(key);
        return undefined;
    }
    if (parsed.size >= MOST) {
        parsed.clear();
    }
    const plan = complete(JSON.parse(text));
    parsed.set(key, plan);
    return plan;
}

/**
 * @param {any} plan as the sidecar sends it
 * @returns {Plan}
 */
export function complete(plan) {
    return {...PLAN, ...plan, targets: plan.targets.map(target), way: wayOf(plan)};
}

/**
 * @param {any} sent
 * @returns {Target}
 */
function target(sent) {
    const whole = {...TARGET, ...sent};
    whole.credentials = whole.credentials.map(clean);
    whole.modelScope = 'm:' + whole.id;
    whole.providerScope = 'p:' + whole.provider;
    whole.credentialScopes = whole.credentials.length < 2 ? [] : whole.credentials.map(
        (/** @type {string} */ value) => `c:${whole.provider}#${digest(value)}`,
    );
    return whole;
}

/**
 * @param {string} value
 * @returns {string} enough to tell the credentials of a provider apart
 */
function digest(value) {
    return crypto.createHash('sha256').update(value).digest('hex').slice(0, 8);
}
