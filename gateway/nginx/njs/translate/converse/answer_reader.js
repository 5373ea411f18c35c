// @ts-check
import {sign} from '../form.js';

/**
 * @typedef {import('../form.js').Part} Part
 * @typedef {import('../form.js').Stop} Stop
 */

/** @type {Record<string, Stop>} */
const STOPS = {
    end_turn: 'stop', tool_use: 'tool', max_tokens: 'length', stop_sequence: 'sequence', guardrail_intervened: 'filter',
    content_filtered: 'filter', model_context_window_exceeded: 'length',
};

/**
 * @param {any} reason
 * @returns {Stop}
 */
export function stopOf(reason) {
    return STOPS[reason] || 'stop';
}

/**
 * @param {any} raw Bedrock's counts; its input leaves out what a cache is about
 * @returns {import('../form.js').Usage | null}
 */
export function usageOf(raw) {
    if (typeof raw !== 'object' || raw === null) {
        return null;
    }
    const cacheRead = raw.cacheReadInputTokens || 0;
    const cacheWrite = raw.cacheWriteInputTokens || 0;
    return {input: (raw.inputTokens || 0) + cacheRead + cacheWrite, output: raw.outputTokens || 0, cacheRead, cacheWrite, reasoning: 0, raw};
}

/**
 * @param {any} value
 * @returns {import('../form.js').Answer} without id and model: Bedrock tells neither
 */
export function readAnswer(value) {
    const content = value.output && value.output.message && value.output.message.content;
    const sequence = value.additionalModelResponseFields && value.additionalModelResponseFields.stop_sequence;
    return {
        id: '', model: '', created: 0, usage: usageOf(value.usage),
        choices: [{
            parts: Array.isArray(content) ? content.flatMap(readBlock) : [], stop: stopOf(value.stopReason),
            ...typeof sequence === 'string' && {sequence},
        }],
        ...value.serviceTier && {serviceTier: value.serviceTier.type},
    };
}

/**
 * @param {any} block
 * @returns {Part[]}
 */
function readBlock(block) {
    if (typeof block.text === 'string') {
        return [{kind: 'text', text: block.text}];
    }
    if (block.toolUse) {
        return [{kind: 'toolCall', id: block.toolUse.toolUseId, name: block.toolUse.name, arguments: JSON.stringify(block.toolUse.input || {})}];
    }
    if (block.citationsContent) {
        return [{kind: 'text', text: (block.citationsContent.content || []).map((/** @type {any} */ item) => item.text || '').join('')}];
    }
    const thought = block.reasoningContent;
    if (thought && thought.reasoningText) {
        const {text, signature} = thought.reasoningText;
        return [{kind: 'thinking', text: text || '', ...signature && {signature: sign('converse', signature)}}];
    }
    if (thought && thought.redactedContent) {
        return [{kind: 'thinking', text: '', signature: sign('converse', thought.redactedContent), redacted: true}];
    }
    return [];
}
