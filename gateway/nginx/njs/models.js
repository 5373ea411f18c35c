// @ts-check
// GET /v1/models: the sidecar's list of what this key may name.
import {complain} from './complaints.js';
import {callerKey, hashKey} from './credential.js';
import {refuse} from './dialects.js';
import {MESSAGE, REFUSED, STATUS, ask, recall} from './decisions.js';

/**
 * js_content.
 *
 * @param {NginxHTTPRequest} r
 */
export async function list(r) {
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
    const key = callerKey(r);
    if (key === '') {
        return refuse(r, 'openai', 401, 'missing or invalid Authorization header');
    }
    const hash = hashKey(key);
    const identity = recall(hash, 'managed', '') || await ask(r, hash, 'managed', '');
    if (identity === undefined) {
        return refuse(r, 'openai', 403, 'API key not authorized');
    }
    if (identity[REFUSED]) {
        return refuse(r, 'openai', +identity[STATUS], identity[MESSAGE]);
    }
    const models = await r.subrequest('/_models', {args: `key=${hash}`});
    if (models.status !== 200) {
        return refuse(r, 'openai', 503, 'unavailable');
    }
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, models.responseText);
    return undefined;
}

export default {list};
