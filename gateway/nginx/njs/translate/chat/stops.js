// @ts-check
// Why OpenAI's models stop, and what that is called here.

/** @type {Record<string, import('../form.js').Stop>} */
const STOPS = {stop: 'stop', length: 'length', tool_calls: 'tool', function_call: 'tool', content_filter: 'filter', model_length: 'length'};

/** @type {Record<import('../form.js').Stop, string>} */
const REASONS = {
    stop: 'stop', length: 'length', tool: 'tool_calls', filter: 'content_filter', refusal: 'content_filter', sequence: 'stop', pause: 'stop',
};

/**
 * @param {any} reason
 * @param {boolean} called a tool: some servers say `stop` then
 * @param {boolean} refused in words
 * @returns {import('../form.js').Stop}
 */
export function stopOf(reason, called, refused) {
    const stop = STOPS[reason] || 'stop';
    return stop !== 'stop' ? stop : called ? 'tool' : refused ? 'refusal' : 'stop';
}

/**
 * @param {import('../form.js').Stop} stop
 * @param {boolean} [refused] whether a refusal is in the answer, which says it better
 * @returns {string}
 */
export const reasonOf = (stop, refused = false) => stop === 'refusal' && refused ? 'stop' : REASONS[stop];
