// @ts-check
// Why Anthropic's models stop, and what that is called here.

/** @type {Record<string, import('../form.js').Stop>} */
const STOPS = {
    end_turn: 'stop', max_tokens: 'length', stop_sequence: 'sequence', tool_use: 'tool', pause_turn: 'pause', refusal: 'refusal',
    model_context_window_exceeded: 'length',
};

/** @type {Record<import('../form.js').Stop, string>} */
const REASONS = {
    stop: 'end_turn', length: 'max_tokens', tool: 'tool_use', filter: 'refusal', refusal: 'refusal', sequence: 'stop_sequence',
    pause: 'pause_turn',
};

/**
 * @param {any} reason
 * @returns {import('../form.js').Stop}
 */
export const stopOf = (reason) => STOPS[reason] || 'stop';

/**
 * @param {import('../form.js').Stop} stop
 * @param {string} [sequence] which one it was, where the provider tells
 */
export const reasonOf = (stop, sequence) => ({
    stop_reason: stop === 'sequence' && sequence === undefined ? 'end_turn' : REASONS[stop], stop_sequence: sequence === undefined ? null : sequence,
});
