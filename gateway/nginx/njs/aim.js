// @ts-check
// Sets what nginx.conf sends, and where: the variables of one attempt.
import {capText} from './charge.js';
import {ascii} from './orders.js';
import {askedAt, isStream, placeOf, translation} from './place.js';
import settings from './settings.js';
import {familyOf, spokenAt} from './spoken.js';

/** @typedef {import('./plans.js').Plan} Plan */
/** @typedef {import('./plans.js').Target} Target */

const DEFAULT_VERSION = '2023-06-01';
const UPSTREAM = /^os_[a-z]+_(.+)_(\d+)$/;
const IPV6 = /^(?=.*--|(?:[^-]*-){7})[0-9a-f-]+$/i;

/**
 * @param {NginxHTTPRequest} r
 * @param {Plan} plan
 * @param {Target} target
 * @param {number} credential
 * @param {{began: number, now: number}} times
 */
export function aim(r, plan, target, credential, times) {
    const v = r.variables;
    const inner = target.translate || (target.signing === 'aws' ? 'same' : '');
    const anthropic = target.provider_type === 'anthropic' || target.translate === 'messages';
    v.ostiary_provider = target.provider;
    v.ostiary_named = target.model;
    v.ostiary_model = v.ostiary_raw === '1' ? '' : target.model;
    v.ostiary_family = inner === '' ? familyOf(target.provider_type) : '';
    v.ostiary_host = target.host;
    v.ostiary_server_name = target.host.replace(/:\d+$/, '');
    v.ostiary_anthropic_version = anthropic ? r.headersIn['anthropic-version'] || DEFAULT_VERSION : '';
    v.ostiary_base = baseOf(plan, target, inner);
    v.ostiary_place = inner === '' ? placeOf(r, target) : askedAt(r);
    v.ostiary_translate = inner === '' ? '' : ascii(translation(r, plan, target, target.credentials[credential]));
    if (v.ostiary_cap) {
        v.ostiary_cap = capText(r.uri, target.provider_type, +v.ostiary_cap.slice(v.ostiary_cap.indexOf(':') + 1));
    }
    v.ostiary_guard = plan.guarded ? orders(r, plan, target, times) : '';
    credentials(r, target, credential);
}

/**
 * @param {Plan} plan
 * @param {Target} target
 * @param {string} inner
 * @returns {string}
 */
function baseOf(plan, target, inner) {
    if (inner !== '') {
        return `http://ostiary_${plan.guarded ? 'guard' : 'translator'}/${inner}`;
    }
    return `${plan.guarded ? 'http://ostiary_guard' : `${target.scheme}://${target.upstream}`}${target.base_path}`;
}

/**
 * The target's own credential and nobody else's (PL-07); the caller's where the provider is to see that one (PL-35).
 *
 * @param {NginxHTTPRequest} r
 * @param {Target} target
 * @param {number} at
 */
function credentials(r, target, at) {
    const v = r.variables;
    const {credential_header: header} = target;
    const value = header === '' || target.signing === 'aws' ? '' : target.credentials[at];
    v.ostiary_authorization = header === '' ? r.headersIn.Authorization || '' : only(header, 'authorization', value);
    v.ostiary_x_api_key = header === '' ? r.headersIn['x-api-key'] || '' : only(header, 'x-api-key', value);
    v.ostiary_api_key = only(header, 'api-key', value);
    v.ostiary_x_goog_api_key = only(header, 'x-goog-api-key', value);
}

/**
 * @param {string} header
 * @param {string} name
 * @param {string} value
 * @returns {string}
 */
function only(header, name, value) {
    return header === name ? value : '';
}

/**
 * `host` is what the provider is told; the name of nginx's upstream says where it is.
 *
 * @param {Target} target
 * @returns {string} host and port
 */
export function addressOf(target) {
    const named = UPSTREAM.exec(target.upstream);
    if (named === null) {
        return target.host;
    }
    const [, host, port] = named;
    return `${IPV6.test(host) ? `[${host.replace(/-/g, ':')}]` : host}:${port}`;
}

/**
 * What the guard is told, as JSON in ASCII: it is a header.
 *
 * @param {NginxHTTPRequest} r
 * @param {Plan} plan
 * @param {Target} target
 * @param {{began: number, now: number}} times
 * @returns {string}
 */
function orders(r, plan, target, {began, now}) {
    const {timeouts} = plan;
    const v = r.variables;
    const inner = v.ostiary_translate !== '';
    return ascii({
        id: v.ostiary_id,
        target: inner ? `unix:${settings.translator}` : `${target.scheme}://${addressOf(target)}`,
        host: target.host,
        first_byte_ms: timeouts.first_byte_ms,
        between_bytes_ms: timeouts.between_bytes_ms || settings.readMs,
        attempt_ms: timeouts.attempt_ms || (plan.policy === null ? settings.readMs : settings.attemptMs),
        deadline_ms: timeouts.request_ms === 0 ? 0 : Math.max(1, began + timeouts.request_ms - now),
        keep_alive_ms: plan.keep_alive_ms,
        stream: isStream(v),
        dialect: /** @type {import('./spoken.js').Spoken} */ (spokenAt(r.uri)).dialect,
        state: plan.stateful ? {owner: (v.ostiary_identity || '').split('\t', 1)[0]} : undefined,
        headers: target.headers,
        drain_ms: plan.way === 'draining' ? Math.max(1, target.drain_ms) : 0, // it remembers only what it may have to drain
    });
}
