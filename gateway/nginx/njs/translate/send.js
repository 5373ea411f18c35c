// @ts-check
// Sets where an attempt goes, and signs it where that is asked for.
import {readKeys, sign} from './converse/sigv4.js';
import {now} from './form.js';

/**
 * What aim.js tells of the attempt.
 *
 * @typedef {object} Orders
 * @property {string} id in the ledger
 * @property {string} client its dialect
 * @property {boolean} stream
 * @property {boolean} sse whether events are what a stream comes in
 * @property {string} model the provider's
 * @property {string} provider its type
 * @property {string} base
 * @property {string} host
 * @property {string} path
 * @property {string} stream_path
 * @property {number} max_tokens
 * @property {string} [region]
 * @property {string} [aws] keys to sign with
 */

/**
 * @param {NginxHTTPRequest} r
 * @param {Orders} orders
 * @param {string} body
 */
export function send(r, orders, body) {
    const v = r.variables;
    const path = orders.stream ? orders.stream_path : orders.path;
    v.translated_body = body;
    v.translated_beta = (v.uri || '').startsWith('/messages/') ? r.headersIn['anthropic-beta'] || '' : '';
    v.translated_base = orders.base;
    v.translated_place = path;
    v.translated_host = orders.host;
    v.translated_name = orders.host.replace(/:\d+$/, '');
    if (orders.aws) {
        const [bare, query = ''] = path.split('?');
        const base = orders.base.replace(/^https?:\/\/[^/]*/, '');
        const request = {method: 'POST', host: orders.host, path: base + bare, query, contentType: 'application/json', body};
        const headers = sign(request, readKeys(orders.aws), orders.region || '', now());
        v.translated_authorization = headers.authorization;
        v.translated_date = headers['x-amz-date'];
        v.translated_token = headers['x-amz-security-token'] || '';
    }
}
