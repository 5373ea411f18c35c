// @ts-check
// The answer's object and the items of its output.
import {now} from '../form.js';
import {madeId} from '../media.js';
import {wrapped, wrappedCall} from './signatures.js';
import {clientName, inputOf, isCustom} from './tools.js';
import {writeUsage} from './usage.js';

/** What an answer repeats as the client said it, and what it says where the client was silent. */
export const ECHO = {
    background: false, instructions: null, max_output_tokens: null, max_tool_calls: null, metadata: {}, parallel_tool_calls: true,
    previous_response_id: null, prompt_cache_key: null, reasoning: {effort: null, summary: null}, safety_identifier: null,
    service_tier: 'default', temperature: 1, text: {format: {type: 'text'}}, tool_choice: 'auto', tools: [], top_logprobs: 0,
    top_p: 1, truncation: 'disabled', user: null,
};

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Usage} Usage
 * @typedef {{id: string, name: string, arguments: string, signature?: string}} Call
 */

/**
 * Its id is the gateway's own, unique: a conversation may be continued from it, and not all providers give each answer another.
 *
 * @param {Form} form
 * @param {{id: string, model: string, created: number, serviceTier?: string}} answer
 */
export function headOf(form, answer) {
    return {
        id: madeId('resp_'), object: 'response', created_at: answer.created || now(), ...(form.echo || ECHO), model: answer.model || form.model,
        ...answer.serviceTier && {service_tier: answer.serviceTier},
    };
}

/**
 * @param {object} head
 * @param {{status: string, output?: object[], incomplete_details?: object | null, error?: object, usage?: Usage | null}} state
 */
export function responseOf(head, {status, output = [], incomplete_details = null, error, usage}) {
    return {
        ...head, status, ...status === 'completed' && {completed_at: now()}, error: error || null, incomplete_details, output,
        usage: usage ? writeUsage(usage) : null,
    };
}

/** @param {string} text */
export function textPart(text, logprobs = /** @type {object[]} */ ([])) {
    return {type: 'output_text', text, annotations: [], logprobs};
}

/** @param {string} refusal */
export function refusalPart(refusal) {
    return {type: 'refusal', refusal};
}

/**
 * @param {string} id
 * @param {object[]} content
 * @param {string} status
 */
export function messageItem(id, content, status) {
    return {id, type: 'message', status, role: 'assistant', content};
}

/**
 * @param {Form} form
 * @param {string} id of the item
 * @param {Call} call
 * @param {string} status
 */
export function callItem(form, id, call, status) {
    if (isCustom(form, call.name)) {
        return {id, type: 'custom_tool_call', call_id: call.id, ...clientName(form, call.name), input: inputOf(call.arguments)};
    }
    return {id, type: 'function_call', status, call_id: call.id, ...clientName(form, call.name), arguments: call.arguments};
}

/**
 * @param {Form} form
 * @returns {boolean} whether the client asked to see what was thought
 */
export function shows(form) {
    return form.reasoning !== undefined && form.reasoning.summary !== undefined;
}

/**
 * @param {string} id
 * @param {string} text
 * @param {{signature?: string, redacted?: boolean, call?: boolean}} proof
 * @param {string} status
 */
export function reasoningItem(id, text, {signature, redacted, call}, status) {
    return {
        id, type: 'reasoning', status, summary: text === '' ? [] : [{type: 'summary_text', text}],
        ...signature && {encrypted_content: call ? wrappedCall(signature) : wrapped(signature, redacted)},
    };
}
