// @ts-check
// AWS Signature Version 4 of a request to Bedrock.
import crypto from 'crypto';

const SERVICE = 'bedrock';

/**
 * @param {string} credentials `<access key id>:<secret access key>[:<session token>]`
 * @returns {{id: string, secret: string, token: string}}
 */
export function readKeys(credentials) {
    const [id, secret = '', ...token] = credentials.split(':');
    return {id, secret, token: token.join(':')};
}

/**
 * @param {{method: string, host: string, path: string, query?: string, contentType?: string, body: string}} request as it is sent:
 *     the path percent-encoded, the query with its parameters encoded and sorted
 * @param {{id: string, secret: string, token: string}} keys
 * @param {string} region
 * @param {number} now Unix seconds
 * @returns {Record<string, string>} headers that the request must carry
 */
export function sign(request, keys, region, now) {
    const time = new Date(now * 1000).toISOString().replace(/[-:]|\.\d+/g, '');
    const day = time.slice(0, 8);
    /** @type {[string, string][]} */
    const signed = [['host', request.host], ['x-amz-date', time]];
    if (request.contentType) {
        signed.unshift(['content-type', request.contentType]);
    }
    if (keys.token) {
        signed.push(['x-amz-security-token', keys.token]);
    }
    const names = signed.map(([name]) => name).join(';');
    const canonical = [
        request.method, request.path.split('/').map(encoded).join('/'), request.query || '',
        ...signed.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, ' ')}`), '', names, digest(request.body),
    ].join('\n');
    const scope = `${day}/${region}/${SERVICE}/aws4_request`;
    const key = [day, region, SERVICE, 'aws4_request'].reduce((/** @type {any} */ secret, text) => hmac(secret, text).digest(), `AWS4${keys.secret}`);
    const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope, digest(canonical)].join('\n')).digest('hex');
    /** @type {Record<string, string>} */
    const headers = {
        'x-amz-date': time,
        authorization: `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    };
    if (keys.token) {
        headers['x-amz-security-token'] = keys.token;
    }
    return headers;
}

/** @param {string} segment of a path; it was encoded before it was sent, and is once more to be signed */
function encoded(segment) {
    return encodeURIComponent(segment).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** @param {string} text */
function digest(text) {
    return crypto.createHash('sha256').update(text).digest('hex');
}

/**
 * @param {any} key text or bytes
 * @param {string} text
 */
function hmac(key, text) {
    return crypto.createHmac('sha256', key).update(text);
}
