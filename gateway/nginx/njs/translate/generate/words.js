// @ts-check
// Why Google's models stop, and what they count.

/** @typedef {import('../form.js').Stop} Stop */

const FILTERS = [
    'SAFETY', 'RECITATION', 'LANGUAGE', 'BLOCKLIST', 'PROHIBITED_CONTENT', 'SPII', 'IMAGE_SAFETY', 'IMAGE_PROHIBITED_CONTENT',
    'IMAGE_RECITATION', 'MODEL_ARMOR', 'JAILBREAK',
];
/** @type {Record<Stop, string>} */
const REASONS = {stop: 'STOP', tool: 'STOP', sequence: 'STOP', pause: 'STOP', length: 'MAX_TOKENS', filter: 'SAFETY', refusal: 'SAFETY'};

/**
 * @param {any} reason
 * @param {boolean} called whether a function was
 * @returns {Stop}
 */
export function stopOf(reason, called) {
    if (reason === 'MAX_TOKENS') {
        return 'length';
    }
    return FILTERS.includes(reason) ? 'filter' : called ? 'tool' : 'stop';
}

/** @param {Stop} stop */
export function reasonOf(stop) {
    return REASONS[stop];
}

/**
 * @param {any} raw
 * @returns {import('../form.js').Usage | null}
 */
export function usageOf(raw) {
    if (typeof raw !== 'object' || raw === null) {
        return null;
    }
    const reasoning = raw.thoughtsTokenCount || 0;
    return {
        input: (raw.promptTokenCount || 0) + (raw.toolUsePromptTokenCount || 0), output: (raw.candidatesTokenCount || 0) + reasoning,
        cacheRead: raw.cachedContentTokenCount || 0, cacheWrite: 0, reasoning, raw,
    };
}

/** @param {import('../form.js').Usage} usage */
export function metadataOf(usage) {
    return {
        promptTokenCount: usage.input, candidatesTokenCount: usage.output - usage.reasoning, totalTokenCount: usage.input + usage.output,
        ...usage.reasoning > 0 && {thoughtsTokenCount: usage.reasoning}, ...usage.cacheRead > 0 && {cachedContentTokenCount: usage.cacheRead},
    };
}

/**
 * @param {any} result
 * @returns {import('../form.js').Logprob[] | undefined}
 */
export function logprobsOf(result) {
    if (!result || !Array.isArray(result.chosenCandidates)) {
        return undefined;
    }
    const word = (/** @type {any} */ item) => ({token: item.token || '', logprob: item.logProbability || 0});
    return result.chosenCandidates.map((/** @type {any} */ chosen, /** @type {number} */ at) => {
        const top = result.topCandidates && result.topCandidates[at] && result.topCandidates[at].candidates;
        return {...word(chosen), top: (top || []).map(word)};
    });
}

/** @param {import('../form.js').Logprob[]} logprobs */
export function resultOf(logprobs) {
    const word = (/** @type {{token: string, logprob: number}} */ item) => ({token: item.token, logProbability: item.logprob});
    return {chosenCandidates: logprobs.map(word), topCandidates: logprobs.map((item) => ({candidates: item.top.map(word)}))};
}
