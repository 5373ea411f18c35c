// @ts-check
// No answer of the provider: what nginx found out goes to the location that asked, see outcome.js.
import {errorBody} from '../dialects.js';

/** @type {Record<string, import('../dialects.js').Dialect>} */
const SHAPES = {messages: 'anthropic', count_tokens: 'anthropic', generate: 'google'};

/**
 * js_content of the location that `error_page` names.
 *
 * @param {NginxHTTPRequest} r
 */
function say(r) {
    const v = r.variables;
    const isLate = v.status === '504' && !(v.upstream_connect_time || '-').endsWith('-');
    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut['x-ostiary-guard'] = isLate ? 'timeout' : 'connection';
    const shape = SHAPES[v.translated_client || ''] || 'openai';
    const [status, message] = isLate ? [504, 'provider timeout'] : [502, 'provider error'];
    r.return(status, errorBody(shape, status, message, r.headersIn['X-Request-Id'] || ''));
}

export default {say};
