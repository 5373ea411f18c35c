// @ts-check
// What the translator is told of an attempt: all of it that does not change from request to request.

const MODEL = '{model}';
const GOOGLES_OWN = '/v1beta/models/{model}:';
/** @type {Record<string, [string, string]>} where a provider is asked that says nothing else, and where for a stream */
const PATHS = {
    chat: ['/v1/chat/completions', ''], completions: ['/v1/completions', ''], responses: ['/v1/responses', ''],
    embeddings: ['/v1/embeddings', ''], messages: ['/v1/messages', ''],
    generate: [GOOGLES_OWN + 'generateContent', GOOGLES_OWN + 'streamGenerateContent?alt=sse'],
    embed: [GOOGLES_OWN + 'batchEmbedContents', ''], converse: ['/model/{model}/converse', '/model/{model}/converse-stream'],
};

/**
 * @param {any} target Target or Backend of contract/decision.py
 * @param {string} client its dialect
 * @param {{uri: string, maxTokens: number, credential: string}} with what
 */
export function standing(target, client, {uri, maxTokens, credential}) {
    const own = target.path ? [target.path, target.stream_path] : PATHS[target.translate] || ['', ''];
    return {
        client,
        model: target.model,
        provider: target.provider_type,
        base: `${target.scheme}://${target.upstream}${target.base_path}`,
        host: target.host,
        path: filled(own[0] || uri, target.model),
        stream_path: filled(own[1] || own[0] || uri, target.model),
        max_tokens: maxTokens,
        region: target.region || undefined,
        aws: target.signing === 'aws' ? credential : undefined,
    };
}

/**
 * @param {string} path
 * @param {string} model
 * @returns {string}
 */
export function filled(path, model) {
    return path.includes(MODEL) ? path.replace(MODEL, encodeURIComponent(model)) : path;
}

/**
 * @param {object} value
 * @returns {string} as JSON that may be a header
 */
export function ascii(value) {
    return JSON.stringify(value).replace(/[\x7f-\uffff]/g, (letter) => '\\u' + letter.charCodeAt(0).toString(16).padStart(4, '0'));
}
