// @ts-check
// Answers of OpenAI's Chat Completions.
import {sign} from '../form.js';
import {madeId} from '../media.js';
import {stopOf} from './stops.js';
import {readUsage} from './usage.js';

/**
 * @param {any} value
 * @returns {import('../form.js').Answer}
 */
export function readAnswer(value) {
    return {
        id: value.id || '', model: value.model || '', created: value.created || 0, usage: readUsage(value.usage) || null,
        choices: (Array.isArray(value.choices) ? value.choices : []).map(readChoice),
        ...(value.service_tier && {serviceTier: value.service_tier}),
    };
}

/**
 * @param {any} choice
 * @returns {import('../form.js').Choice}
 */
function readChoice({message = {}, finish_reason: reason, logprobs}) {
    /** @type {import('../form.js').Part[]} */
    const parts = [];
    const thought = message.reasoning_content || message.reasoning;
    if (typeof thought === 'string' && thought !== '') {
        parts.push({kind: 'thinking', text: thought, signature: sign('chat', '')});
    }
    if (message.content) {
        parts.push({kind: 'text', text: textOf(message.content)});
    }
    if (message.refusal) {
        parts.push({kind: 'text', text: message.refusal, refusal: true});
    }
    for (const call of message.tool_calls || []) {
        const {name, arguments: said} = call.function || call.custom || {};
        const signature = signatureOf(call);
        parts.push({
            kind: 'toolCall', id: call.id || madeId('call_'), name: name || '', arguments: typeof said === 'string' ? said : JSON.stringify(said || {}),
            ...(signature && {signature: sign('chat', signature)}),
        });
    }
    const told = readLogprobs(logprobs);
    return {parts, stop: stopOf(reason, (message.tool_calls || []).length > 0, Boolean(message.refusal)), ...(told && {logprobs: told})};
}

/** @param {any} content a string, or parts as Mistral has them */
const textOf = (content) => typeof content === 'string' ? content : content.map((/** @type {any} */ part) => part.text || '').join('');

/** @param {any} call */
export const signatureOf = (call) => call.extra_content && call.extra_content.google && call.extra_content.google.thought_signature;

/**
 * @param {any} logprobs
 * @returns {import('../form.js').Logprob[] | undefined}
 */
export function readLogprobs(logprobs) {
    const tokens = logprobs && (logprobs.content || logprobs.refusal);
    return tokens ? tokens.map((/** @type {any} */ {token, logprob, bytes = null, top_logprobs: top}) =>
        ({token, logprob, bytes, top: top || []})) : undefined;
}
