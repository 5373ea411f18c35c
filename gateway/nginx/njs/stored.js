// @ts-check
// GET and DELETE /v1/responses/<id>: what the guard keeps for who made it. Nothing is charged, and no record written.
import {complain} from './complaints.js';
import {callerOf} from './credential.js';
import {ask, recall} from './decisions.js';
import {refuse} from './dialects.js';
import settings from './settings.js';
import {withoutKey} from './strangers.js';

const KEY_ID = 1; // its place in a decision
const METHODS = ['GET', 'DELETE'];

/**
 * js_access. Returning lets nginx go on to proxy_pass.
 *
 * @param {NginxHTTPRequest} r
 */
async function access(r) {
    try {
        if (!settings.keepsResponses) {
            return refuse(r, 'openai', 404, 'responses are not kept here');
        }
        if (!METHODS.includes(r.method)) {
            r.headersOut.Allow = METHODS.join(', ');
            return refuse(r, 'openai', 405, 'method not allowed');
        }
        const caller = callerOf(r);
        if (caller === undefined) {
            const {status, message} = withoutKey(r, 401, 'missing or invalid Authorization header');
            return refuse(r, 'openai', status, message);
        }
        const identity = recall(caller.hash) || await ask(r, caller, 'managed', '');
        if (identity === undefined) {
            return refuse(r, 'openai', 403, 'API key not authorized');
        }
        if (typeof identity !== 'string') {
            return refuse(r, 'openai', identity.status, identity.message);
        }
        r.variables.ostiary_guard = JSON.stringify({state: {owner: identity.split('\t', KEY_ID + 1)[KEY_ID]}});
    } catch (error) {
        complain(`stored: ${error}`);
        return refuse(r, 'openai', 500, 'internal error');
    }
    return undefined;
}

export default {access};
