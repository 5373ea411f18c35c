// @ts-check
// Answers of Anthropic's Messages.
import {sign} from '../form.js';
import {stopOf} from './stops.js';
import {readUsage} from './usage.js';

/**
 * @param {any} value
 * @returns {import('../form.js').Answer}
 */
export function readAnswer(value) {
    const blocks = Array.isArray(value.content) ? value.content : [];
    const usage = readUsage(value.usage) || null;
    const tier = usage && value.usage.service_tier;
    return {
        id: value.id || '', model: value.model || '', created: 0, usage, ...(tier && {serviceTier: tier === 'standard' ? 'default' : tier}),
        choices: [{
            parts: blocks.map(partOf).filter(Boolean), stop: stopOf(value.stop_reason), ...(value.stop_sequence && {sequence: value.stop_sequence}),
        }],
    };
}

/**
 * @param {any} block
 * @returns {any} nothing for what Anthropic's own tools have done
 */
function partOf(block) {
    switch (block.type) {
    case 'text':
        return {kind: 'text', text: block.text, ...(block.citations && {citations: block.citations})};
    case 'thinking':
        return {kind: 'thinking', text: block.thinking, ...(block.signature && {signature: sign('messages', block.signature)})};
    case 'redacted_thinking':
        return {kind: 'thinking', text: '', signature: sign('messages', block.data), redacted: true};
    case 'tool_use':
        return {kind: 'toolCall', id: block.id, name: block.name, arguments: JSON.stringify(block.input || {})};
    default:
        return undefined;
    }
}
