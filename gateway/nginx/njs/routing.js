// @ts-check
// /routing/v1/...: which model a request would go to, without sending it there (PL-26).
import {complain} from './complaints.js';
import {callerOf} from './credential.js';
import {ask, isKnown} from './decisions.js';
import {dialectOf, refuse} from './dialects.js';
import {withoutKey} from './strangers.js';

const ENDPOINTS = ['/routing/v1/chat/completions', '/routing/v1/messages', '/routing/v1/responses'];

/**
 * js_access: nobody's body is read before we know who they are.
 *
 * @param {NginxHTTPRequest} r
 */
async function access(r) {
    try {
        if (!ENDPOINTS.includes(r.uri)) {
            return fail(r, 404, 'not found');
        }
        if (r.method !== 'POST') {
            r.headersOut.Allow = 'POST';
            return fail(r, 405, 'method not allowed');
        }
        const caller = callerOf(r);
        if (caller === undefined) {
            const {status, message} = withoutKey(r, 401, 'missing or invalid Authorization header');
            return fail(r, status, message);
        }
        if (!isKnown(caller.hash)) {
            const identity = await ask(r, caller, 'managed', '');
            if (identity === undefined) {
                return fail(r, 403, 'API key not authorized');
            }
            if (typeof identity !== 'string') {
                return fail(r, identity.status, identity.message);
            }
        }
        return undefined;
    } catch (error) {
        complain(`routing: ${error}`);
        return fail(r, 500, 'internal error');
    }
}

/**
 * js_content.
 *
 * @param {NginxHTTPRequest} r
 */
async function decide(r) {
    try {
        const caller = /** @type {import('./credential.js').Caller} */ (callerOf(r));
        const headers = r.headersIn;
        const question = {
            key: caller.hash,
            body: r.requestText || '',
            traceparent: headers.traceparent || '',
            affinity: headers['X-Model-Affinity'] || '',
        };
        const reply = await r.subrequest('/_routing', {method: 'POST', body: JSON.stringify(question)});
        if (reply.status !== 200) {
            complain(`the sidecar answered ${reply.status} to an enquiry`);
            return fail(r, 503, 'unavailable');
        }
        const {refusal, decision} = JSON.parse(reply.responseText || '');
        if (refusal) {
            return fail(r, refusal.status, refusal.message);
        }
        r.headersOut['Content-Type'] = 'application/json';
        r.return(200, JSON.stringify(decision));
        return undefined;
    } catch (error) {
        complain(`routing: ${error}`);
        return fail(r, 500, 'internal error');
    }
}

/**
 * @param {NginxHTTPRequest} r
 * @param {number} status
 * @param {string} message
 */
function fail(r, status, message) {
    refuse(r, dialectOf(r.uri), status, message);
}

export default {access, decide};
