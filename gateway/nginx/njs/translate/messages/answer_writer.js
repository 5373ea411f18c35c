// @ts-check
// Answers of Anthropic's Messages.
import {signatureFor} from '../form.js';
import {madeId, objectOf} from '../media.js';
import {CALL_MARK} from './block_reader.js';
import {reasonOf} from './stops.js';
import {writeUsage} from './usage.js';

/** @type {Record<string, string>} */
const TIERS = {default: 'standard', priority: 'priority'};

/**
 * @param {import('../form.js').Answer} answer
 * @param {import('../form.js').Form} form
 * @returns {object}
 */
export function writeAnswer(answer, form) {
    const choice = answer.choices[0] || {parts: [], stop: 'stop'};
    const tier = TIERS[answer.serviceTier || ''];
    return {
        id: answer.id || madeId('msg_'), type: 'message', role: 'assistant', model: answer.model || form.model,
        content: choice.parts.flatMap(blocksOf), ...reasonOf(choice.stop, choice.sequence),
        usage: {...writeUsage(answer.usage), ...(tier && {service_tier: tier})},
    };
}

/**
 * @param {import('../form.js').Part} part
 * @returns {object[]}
 */
function blocksOf(part) {
    switch (part.kind) {
    case 'text':
        return part.text === '' ? [] : [{type: 'text', text: part.text, citations: null}];
    case 'thinking':
        return [part.redacted ? {type: 'redacted_thinking', data: part.signature || ''}
            : {type: 'thinking', thinking: part.text, signature: shownSignature(part.signature || '')}];
    case 'toolCall':
        return [
            ...(part.signature ? [{type: 'redacted_thinking', data: CALL_MARK + part.signature}] : []),
            {type: 'tool_use', id: part.id, name: part.name, input: objectOf(part.arguments) || {input: part.arguments}},
        ];
    default:
        return [];
    }
}

/**
 * Anthropic takes a signature from any of its platforms: what Bedrock has signed may go to Anthropic with the next turn, whose
 * bytes nobody changes.
 *
 * @param {string} signature
 */
export const shownSignature = (signature) => signatureFor('converse', signature) || signature;
