// @ts-check
// Answers of OpenAI's Chat Completions.
import {now} from '../form.js';
import {madeId} from '../media.js';
import {reasonOf} from './stops.js';
import {writeUsage} from './usage.js';

/**
 * @param {import('../form.js').Answer} answer
 * @param {import('../form.js').Form} form
 * @returns {object}
 */
export function writeAnswer(answer, form) {
    return {
        id: answer.id || madeId('chatcmpl-'), object: 'chat.completion', created: answer.created || now(), model: answer.model || form.model,
        choices: answer.choices.map(writeChoice), ...(answer.usage && {usage: writeUsage(answer.usage)}),
        ...(answer.serviceTier && {service_tier: answer.serviceTier}),
    };
}

/**
 * @param {import('../form.js').Choice} choice
 * @param {number} index
 */
function writeChoice({parts, stop, logprobs}, index) {
    const content = textOf(parts.filter((part) => part.kind === 'text' && !part.refusal));
    const refusal = textOf(parts.filter((part) => part.kind === 'text' && part.refusal));
    const thinking = parts.filter((part) => part.kind === 'thinking');
    const reasoning = textOf(thinking);
    const blocks = thinking.filter((part) => part.signature).map(({text, signature, redacted}) => redacted
        ? {type: 'redacted_thinking', data: signature} : {type: 'thinking', thinking: text, signature});
    const calls = parts.filter((part) => part.kind === 'toolCall').map((call) => ({
        id: call.id, type: 'function', function: {name: call.name, arguments: call.arguments},
        ...(call.signature && {extra_content: {google: {thought_signature: call.signature}}}),
    }));
    return {
        index,
        message: {
            role: 'assistant', content, refusal, ...(reasoning && {reasoning_content: reasoning}),
            ...(blocks.length > 0 && {thinking_blocks: blocks}), ...(calls.length > 0 && {tool_calls: calls}),
        },
        logprobs: writeLogprobs(logprobs, refusal !== null), finish_reason: reasonOf(stop, refusal !== null),
    };
}

/**
 * @param {any[]} parts
 * @returns {string | null}
 */
const textOf = (parts) => parts.length > 0 ? parts.map(({text}) => text).join('') : null;

/**
 * @param {import('../form.js').Logprob[] | undefined} logprobs
 * @param {boolean} refused
 */
export function writeLogprobs(logprobs, refused) {
    if (logprobs === undefined) {
        return null;
    }
    const tokens = logprobs.map(({token, logprob, bytes, top}) => ({
        token, logprob, bytes: bytes || null, top_logprobs: top.map((one) => ({...one, bytes: one.bytes || null})),
    }));
    return refused ? {content: null, refusal: tokens} : {content: tokens, refusal: null};
}
