// @ts-check
// A provider that speaks the client's dialect and wants an AWS signature: the body goes on byte for byte.
import {send} from './send.js';

/**
 * js_access.
 *
 * @param {NginxHTTPRequest} r
 */
async function access(r) {
    await r.readRequestArrayBuffer();
    send(r, JSON.parse(r.headersIn['X-Ostiary-Translate'] || ''), r.requestText || '');
}

export default {access};
