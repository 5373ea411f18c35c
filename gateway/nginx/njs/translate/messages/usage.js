// @ts-check
// Anthropic's counts: what comes from a cache or goes into it is not in input_tokens.

/**
 * @param {any} usage
 * @returns {import('../form.js').Usage | undefined}
 */
export function readUsage(usage) {
    if (typeof usage !== 'object' || usage === null) {
        return undefined;
    }
    const cacheRead = usage.cache_read_input_tokens || 0;
    const cacheWrite = usage.cache_creation_input_tokens || 0;
    const details = usage.output_tokens_details || {};
    return {
        input: (usage.input_tokens || 0) + cacheRead + cacheWrite, output: usage.output_tokens || 0, cacheRead, cacheWrite,
        reasoning: details.thinking_tokens || 0, raw: usage,
    };
}

/**
 * @param {import('../form.js').Usage | null | undefined} usage
 * @returns {Record<string, any>}
 */
export function writeUsage(usage) {
    const {input, output, cacheRead, cacheWrite, reasoning} = usage || {input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0};
    return {
        input_tokens: Math.max(0, input - cacheRead - cacheWrite), cache_creation_input_tokens: cacheWrite, cache_read_input_tokens: cacheRead,
        output_tokens: output, ...(reasoning > 0 && {output_tokens_details: {thinking_tokens: reasoning}}),
    };
}
