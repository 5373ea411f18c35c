// @ts-check
// /v1/messages/count_tokens where the provider counts none: the sidecar's estimate, which costs nothing.
import {errorBody} from '../dialects.js';

/**
 * js_content.
 *
 * @param {NginxHTTPRequest} r
 */
async function estimate(r) {
    const {model} = JSON.parse(r.headersIn['X-Ostiary-Translate'] || '{}');
    const reply = await r.subrequest('/_count', {method: 'POST', args: `model=${encodeURIComponent(model || '')}`, body: r.requestText || ''});
    r.headersOut['Content-Type'] = 'application/json';
    if (reply.status === 400) {
        r.headersOut['x-ostiary-guard'] = 'refused';
        r.return(400, errorBody('anthropic', 400, 'the request cannot be read', r.headersIn['X-Request-Id'] || ''));
        return;
    }
    if (reply.status !== 200) {
        r.headersOut['x-ostiary-guard'] = 'connection';
        r.return(502, errorBody('anthropic', 502, 'provider error', r.headersIn['X-Request-Id'] || ''));
        return;
    }
    r.headersOut['x-ostiary-estimated'] = 'true';
    r.return(200, reply.responseText);
}

export default {estimate};
