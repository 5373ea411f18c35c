// @ts-check
// GET /v1/models, /v1/models/<id> and Google's /v1beta/models: what this key may name, in the caller's dialect. The sidecar
// knows; here it is only said who asks, and in what.
import {complain} from './complaints.js';
import {callerOf} from './credential.js';
import {ask, recall} from './decisions.js';
import {refuse} from './dialects.js';
import {parsed} from './json.js';
import {withoutKey} from './strangers.js';

const ROOT = /^\/v1(?:beta)?\/models\/?/;

/** @typedef {'openai' | 'anthropic' | 'google'} Dialect */

/**
 * js_content.
 *
 * @param {NginxHTTPRequest} r
 */
async function list(r) {
    const dialect = dialectOf(r);
    try {
        await answer(r, dialect);
    } catch (error) {
        complain(`models: ${error}`);
        refuse(r, dialect, 500, 'internal error');
    }
}

/**
 * @param {NginxHTTPRequest} r
 * @returns {Dialect}
 */
function dialectOf(r) {
    if (r.uri.startsWith('/v1beta/') || r.headersIn['x-goog-api-key'] || (r.args.key && !r.headersIn.Authorization)) {
        return 'google'; // its clients ask at /v1 too
    }
    return r.headersIn['anthropic-version'] ? 'anthropic' : 'openai';
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Dialect} dialect
 */
async function answer(r, dialect) {
    if (r.method !== 'GET' && r.method !== 'HEAD') {
        r.headersOut.Allow = 'GET, HEAD';
        return refuse(r, dialect, 405, 'method not allowed');
    }
    const caller = callerOf(r, dialect === 'google');
    if (caller === undefined) {
        const {status, message} = withoutKey(r, 401, 'missing or invalid Authorization header');
        return refuse(r, dialect, status, message);
    }
    const identity = recall(caller.hash) || await ask(r, caller, 'managed', '');
    if (identity === undefined) {
        return refuse(r, dialect, 403, 'API key not authorized');
    }
    if (typeof identity !== 'string') {
        return refuse(r, dialect, identity.status, identity.message);
    }
    const [path, query] = [r.uri.replace(ROOT, ''), r.variables.args || ''].map(encodeURIComponent);
    const reply = await r.subrequest('/_models', {args: `key=${caller.hash}&form=${dialect}&path=${path}&query=${query}`});
    if (reply.status === 200) {
        r.headersOut['Content-Type'] = 'application/json';
        r.return(200, reply.responseText);
        return undefined;
    }
    const refusal = reply.status < 500 ? parsed(reply.responseText) : undefined;
    return refuse(r, dialect, refusal ? reply.status : 503, refusal ? refusal.message : 'unavailable');
}

export default {list};
