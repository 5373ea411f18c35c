// @ts-check
// Counts, words for the end, and log probabilities of the Responses dialect.

/**
 * @typedef {import('../form.js').Usage} Usage
 * @typedef {import('../form.js').Logprob} Logprob
 */

/**
 * @param {any} raw
 * @returns {Usage | null}
 */
export function readUsage(raw) {
    if (typeof raw !== 'object' || raw === null) {
        return null;
    }
    const input = raw.input_tokens_details || {};
    const output = raw.output_tokens_details || {};
    return {
        input: raw.input_tokens || 0, output: raw.output_tokens || 0, cacheRead: input.cached_tokens || 0,
        cacheWrite: input.cache_write_tokens || 0, reasoning: output.reasoning_tokens || 0, raw,
    };
}

/** @param {Usage} usage */
export function writeUsage({input, output, cacheRead, cacheWrite, reasoning}) {
    return {
        input_tokens: input, input_tokens_details: {cached_tokens: cacheRead, cache_write_tokens: cacheWrite}, output_tokens: output,
        output_tokens_details: {reasoning_tokens: reasoning}, total_tokens: input + output,
    };
}

/**
 * @param {any} response
 * @param {{called: boolean, refused: boolean}} said
 * @returns {import('../form.js').Stop}
 */
export function stopOf(response, {called, refused}) {
    if (response.status === 'incomplete') {
        return (response.incomplete_details || {}).reason === 'content_filter' ? 'filter' : 'length';
    }
    return called ? 'tool' : refused ? 'refusal' : 'stop';
}

/** @param {import('../form.js').Stop} stop */
export function statusOf(stop) {
    const reason = stop === 'length' ? 'max_output_tokens' : stop === 'filter' ? 'content_filter' : undefined;
    return reason ? {status: 'incomplete', incomplete_details: {reason}} : {status: 'completed', incomplete_details: null};
}

/**
 * @param {any} list
 * @returns {Logprob[] | undefined}
 */
export function readLogprobs(list) {
    if (!Array.isArray(list) || list.length === 0) {
        return undefined;
    }
    return list.map(({token, logprob, bytes, top_logprobs: top}) => ({token, logprob, bytes, top: (top || []).map(
        (/** @type {any} */ one) => ({token: one.token || '', logprob: one.logprob || 0, bytes: one.bytes}),
    )}));
}

/**
 * @param {Logprob[] | undefined} list
 * @returns {object[]} as the events of a stream have them, which leave the bytes out
 */
export function briefLogprobs(list) {
    return (list || []).map(({token, logprob, top}) => ({
        token, logprob, top_logprobs: top.map((one) => ({token: one.token, logprob: one.logprob})),
    }));
}

/**
 * @param {Logprob[] | undefined} list
 * @returns {object[]} as a part of an answer has them
 */
export function writeLogprobs(list) {
    const word = (/** @type {{token: string, logprob: number, bytes?: number[] | null}} */ one) => ({
        token: one.token, logprob: one.logprob, bytes: one.bytes || [...Buffer.from(one.token)],
    });
    return (list || []).map((one) => ({...word(one), top_logprobs: one.top.map(word)}));
}
