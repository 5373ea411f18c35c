// @ts-check
// OpenAI's counts: prompt_tokens has what came from a cache in it.

/**
 * @param {any} usage
 * @returns {import('../form.js').Usage | undefined}
 */
export function readUsage(usage) {
    if (typeof usage !== 'object' || usage === null) {
        return undefined;
    }
    const prompt = usage.prompt_tokens_details || {};
    const details = usage.completion_tokens_details || {};
    return {
        input: usage.prompt_tokens || 0, output: usage.completion_tokens || 0,
        cacheRead: prompt.cached_tokens || usage.prompt_cache_hit_tokens || 0, cacheWrite: prompt.cache_write_tokens || 0,
        reasoning: details.reasoning_tokens || 0, raw: usage,
    };
}

/** @param {import('../form.js').Usage} usage */
export function writeUsage({input, output, cacheRead, cacheWrite, reasoning}) {
    return {
        prompt_tokens: input, completion_tokens: output, total_tokens: input + output,
        prompt_tokens_details: {cached_tokens: cacheRead, ...(cacheWrite > 0 && {cache_write_tokens: cacheWrite})},
        completion_tokens_details: {reasoning_tokens: reasoning},
    };
}
