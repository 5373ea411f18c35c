// @ts-check
// /<prefix>/...: the request goes on as it is; only who may call is decided here.
import {complain} from './complaints.js';
import {callerOf} from './credential.js';
import {ask, recall} from './decisions.js';
import {refuse} from './dialects.js';
import {accept, redacted} from './registry.js';
import {collect} from './reply.js';

const MAY_HOLD_DOTS = ['/.', '%', '\\'];
const DOT_SEGMENT = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)/i;

/**
 * js_access. Returning lets nginx go on to proxy_pass.
 *
 * @param {NginxHTTPRequest} r
 */
export async function access(r) {
    try {
        const caller = callerOf(r);
        if (caller === undefined) {
            return refuse(r, 'flat', 403, 'API key not authorized');
        }
        const v = r.variables;
        const uri = /** @type {string} */ (v.request_uri);
        const query = uri.indexOf('?');
        const path = query < 0 ? uri : uri.slice(0, query);
        if (MAY_HOLD_DOTS.some((text) => path.indexOf(text) >= 0) && DOT_SEGMENT.test(path)) {
            return refuse(r, 'flat', 400, 'path holds a dot segment');
        }
        const slash = path.indexOf('/', 1);
        const end = slash < 0 ? path.length : slash;
        const prefix = path.slice(1, end);
        const decision = recall(caller.hash + 'p' + prefix) || await ask(r, caller, 'pass_through', prefix);
        if (typeof decision !== 'string') {
            return reject(r, decision);
        }
        v.ostiary_path = slash < 0 ? '/' + uri.slice(end) : uri.slice(end);
        if (query >= 0) {
            v.ostiary_redacted = redacted(uri);
        }
        collect(r, accept(r, decision));
    } catch (error) {
        complain(`pass-through: ${error}`);
        refuse(r, 'flat', 500, 'internal error');
    }
    return undefined;
}

/**
 * @param {NginxHTTPRequest} r
 * @param {import('./decisions.js').Refusal | undefined} refusal
 */
function reject(r, refusal) {
    if (refusal === undefined) {
        refuse(r, 'flat', 403, 'API key not authorized');
    } else {
        refuse(r, 'flat', refusal.status, refusal.message);
    }
}

export default {access};
