// @ts-check
// /<prefix>/...: the request goes on as it is; only who may call is decided here.
import {complain} from './complaints.js';
import {callerKey, hashKey, mask} from './credential.js';
import {
    BASE_PATH, CREDENTIAL, CREDENTIAL_HEADER, HOST, MESSAGE, REFUSED, SCHEME, STATUS, UPSTREAM, ask, recall,
} from './decisions.js';
import {refuse} from './dialects.js';
import {accept} from './registry.js';
import {collect} from './reply.js';

const DOT_SEGMENT = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\?]|%2f|%5c|$)/i;
const UNAUTHORIZED = 'API key not authorized';

/**
 * js_access. Returning lets nginx go on to proxy_pass.
 *
 * @param {NginxHTTPRequest} r
 */
export async function access(r) {
    try {
        await admit(r);
    } catch (error) {
        complain(`pass-through: ${error}`);
        refuse(r, 'flat', 500, 'internal error');
    }
}

/** @param {NginxHTTPRequest} r */
async function admit(r) {
    const uri = /** @type {string} */ (r.variables.request_uri);
    const key = callerKey(r);
    if (key === '') {
        return refuse(r, 'flat', 403, UNAUTHORIZED);
    }
    if ((uri.indexOf('/.') >= 0 || uri.indexOf('%') >= 0) && DOT_SEGMENT.test(uri.split('?')[0])) {
        return refuse(r, 'flat', 400, 'path holds a dot segment');
    }
    const end = prefixEnd(uri);
    const hash = hashKey(key);
    const prefix = uri.slice(1, end);
    const decision = recall(hash, 'pass_through', prefix) || await ask(r, hash, 'pass_through', prefix);
    if (decision === undefined) {
        return refuse(r, 'flat', 403, UNAUTHORIZED);
    }
    if (decision[REFUSED]) {
        return refuse(r, 'flat', +decision[STATUS], decision[MESSAGE]);
    }
    const rest = uri.slice(end);
    const v = r.variables;
    v.ostiary_url = decision[SCHEME] + '://' + decision[UPSTREAM] + decision[BASE_PATH] + (rest[0] === '/' ? '' : '/') + rest;
    v.ostiary_host = decision[HOST];
    if (decision[CREDENTIAL_HEADER]) {
        v.ostiary_credential_header = decision[CREDENTIAL_HEADER];
        v.ostiary_credential = decision[CREDENTIAL];
    }
    accept(r, 'pass_through', decision, mask(key), '');
    collect(r, null);
    return undefined;
}

/**
 * @param {string} uri raw, begins with a slash
 * @returns {number} where the first path segment ends
 */
function prefixEnd(uri) {
    const slash = uri.indexOf('/', 1);
    const query = uri.indexOf('?');
    if (slash < 0) {
        return query < 0 ? uri.length : query;
    }
    return query < 0 || slash < query ? slash : query;
}

export default {access};
