// @ts-check
// Media inside of a request, and the identifiers that an answer must have and its provider does not give.

/**
 * @param {string} url
 * @returns {{mediaType: string, data: string} | undefined} what a data: URL holds, base64; undefined if it is another URL
 */
export function dataOf(url) {
    const comma = url.startsWith('data:') ? url.indexOf(',') : -1;
    if (comma < 0) {
        return undefined;
    }
    const [mediaType, ...rest] = url.slice(5, comma).split(';');
    const text = url.slice(comma + 1);
    return {mediaType: mediaType || 'text/plain', data: rest.includes('base64') ? text : Buffer.from(decodeURIComponent(text)).toString('base64')};
}

/**
 * @param {string} prefix as the dialect has it: `chatcmpl-`, `msg_`
 * @returns {string}
 */
export function madeId(prefix) {
    let id = prefix;
    while (id.length < prefix.length + 24) {
        id += Math.floor(Math.random() * 0x1000000).toString(16).padStart(6, '0');
    }
    return id;
}

/**
 * @param {string} text of arguments; nothing is no arguments
 * @returns {object | undefined} undefined if it is no JSON object
 */
export function objectOf(text) {
    if (text.trim() === '') {
        return {};
    }
    try {
        const value = JSON.parse(text);
        return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
    } catch {
        return undefined;
    }
}
