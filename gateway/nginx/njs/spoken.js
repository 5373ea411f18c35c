// @ts-check
// What clients ask in: the dialect of each path, and the letter that marks its decisions.

/** @typedef {{dialect: string, letter: string}} Spoken see contract/dialect.py */

/** @type {Record<string, Spoken>} */
export const SPOKEN = {
    '/v1/chat/completions': {dialect: 'chat', letter: 'c'},
    '/v1/messages': {dialect: 'messages', letter: 'm'},
    '/v1/responses': {dialect: 'responses', letter: 'r'},
    '/v1/embeddings': {dialect: 'embeddings', letter: 'e'},
    '/v1/completions': {dialect: 'completions', letter: 'l'},
    '/v1/messages/count_tokens': {dialect: 'count_tokens', letter: 't'},
    '/v1/images/generations': {dialect: 'images', letter: 'i'},
    '/v1/audio/speech': {dialect: 'audio', letter: 'u'},
    '/v1/moderations': {dialect: 'moderations', letter: 'o'},
};
/** @type {Spoken} */
export const GENERATE = {dialect: 'generate', letter: 'g'};
/** @type {Record<string, Spoken>} by the segment after /v1/, for paths that are more than one */
const FAMILIES = {
    images: SPOKEN['/v1/images/generations'], audio: SPOKEN['/v1/audio/speech'], files: {dialect: 'files', letter: 'f'},
    batches: {dialect: 'batches', letter: 'b'},
};
const GOOGLE = /^\/v1(?:beta)?\/models\/(.+):(\w*(?:Contents?|Tokens))$/;
const SAYS_USAGE_ITSELF = ['anthropic', 'google', 'mistral', 'bedrock', 'vertex'];

/**
 * @param {string} uri of a managed request
 * @returns {Spoken | undefined}
 */
export function spokenAt(uri) {
    return SPOKEN[uri] || (GOOGLE.test(uri) ? GENERATE : FAMILIES[uri.split('/', 3)[2]]);
}

/**
 * @param {string} uri
 * @returns {{model: string, method: string} | undefined} undefined if it is not one of Google's paths
 */
export function googlePath(uri) {
    const found = SPOKEN[uri] === undefined ? GOOGLE.exec(uri) : null;
    return found === null ? undefined : {model: found[1], method: found[2]};
}

/**
 * @param {string} uri
 * @returns {boolean}
 */
export function isGoogle(uri) {
    return uri.startsWith('/v1beta/') || (uri.startsWith('/v1/models/') && GOOGLE.test(uri));
}

/**
 * @param {string} type of a provider
 * @returns {'openai' | ''} whose streams tell their usage only if they are asked to
 */
export function familyOf(type) {
    return type === '' || SAYS_USAGE_ITSELF.includes(type) ? '' : 'openai';
}
