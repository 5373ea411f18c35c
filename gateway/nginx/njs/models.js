// @ts-check
// GET /v1/models: the sidecar's list of what this key may name.
import {complain} from './complaints.js';
import {callerOf} from './credential.js';
import {ask, recall} from './decisions.js';
import {refuse} from './dialects.js';
import {withoutKey} from './strangers.js';

/**
 * js_content.
 *
 * @param {NginxHTTPRequest} r
 */
async function list(r) {
    try {
        await answer(r);
    } catch (error) {
        complain(`models: ${error}`);
        refuse(r, 'openai', 500, 'internal error');
    }
}

/** @param {NginxHTTPRequest} r */
async function answer(r) {
    if (r.method !== 'GET' && r.method !== 'HEAD') {
        r.headersOut.Allow = 'GET';
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
    const models = await r.subrequest('/_models', {args: `key=${caller.hash}`});
    if (models.status !== 200) {
        return refuse(r, 'openai', 503, 'unavailable');
    }
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, models.responseText);
    return undefined;
}

export default {list};
