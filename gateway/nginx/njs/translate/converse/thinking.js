// @ts-check
// Thinking and sampling, as far as Converse leaves them to each model's own fields. What Anthropic's models take is what its own
// dialect says of them.
import {effortOf, lose} from '../form.js';
import {writeSampling, writeThinking} from '../messages/thinking.js';
import {familyOf} from './blocks.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Orders} Orders
 *
 * The parts of a request that it changes.
 *
 * @typedef {object} Draft
 * @property {{role: string, content: any[]}[]} messages
 * @property {Record<string, any>} inference inferenceConfig
 * @property {Record<string, any>} more additionalModelRequestFields
 * @property {Record<string, any>} output outputConfig
 */

/** @type {Record<string, string>} */
const COARSE = {minimal: 'low', low: 'low', medium: 'medium', high: 'high', xhigh: 'high', max: 'high'};

/**
 * @param {Form} form
 * @param {Orders} orders
 * @param {Draft} draft
 */
export function writeModelFields(form, orders, draft) {
    const family = familyOf(form.model);
    if (family === 'claude') {
        anthropic(form, orders, draft);
        return;
    }
    const {inference, more} = draft;
    if (form.temperature !== undefined) {
        inference.temperature = Math.min(form.temperature, 1);
        if (form.temperature > 1) {
            lose(form, 'temperature');
        }
    }
    if (form.topP !== undefined) {
        inference.topP = form.topP;
    }
    if (form.topK !== undefined && family === 'nova') {
        more.inferenceConfig = {topK: form.topK};
    } else if (form.topK !== undefined) {
        lose(form, 'topK');
    }
    const effort = form.reasoning && (effortOf(form.reasoning) || (form.reasoning.adaptive ? 'medium' : undefined));
    const word = effort && COARSE[effort];
    if (word && family === 'nova') {
        more.reasoningConfig = {type: 'enabled', maxReasoningEffort: word};
    } else if (word && family === 'openai') {
        more.reasoning_effort = word;
    } else if (form.reasoning !== undefined) {
        lose(form, 'reasoning');
    }
}

/**
 * @param {Form} form
 * @param {Orders} orders
 * @param {Draft} draft
 */
function anthropic(form, orders, {messages, inference, more, output}) {
    /** @type {Record<string, any>} */
    const body = {
        max_tokens: form.maxTokens === undefined ? orders.maxTokens : form.maxTokens,
        messages: messages.map(({role, content}) => ({role, content: content.map(typed)})),
        tool_choice: form.toolChoice && {type: form.toolChoice.kind},
    };
    writeThinking(form, body);
    writeSampling(form, body);
    const {thinking, temperature, top_p: topP, top_k: topK, output_config: config} = body;
    Object.assign(inference, temperature !== undefined && {temperature}, topP !== undefined && {topP});
    if (topK !== undefined) {
        more.top_k = topK;
    }
    if (config && config.effort) {
        output.effort = config.effort;
    }
    if (thinking && thinking.type === 'disabled') {
        lose(form, 'reasoning'); // silence is no thinking, and older models take no word for it
    } else if (thinking) {
        more.thinking = thinking;
        if (thinking.type === 'enabled') {
            inference.maxTokens = body.max_tokens; // which must be more than the budget
        }
    }
}

/** @param {any} block @returns {{type: string}} as much of Anthropic's block as is asked for there */
function typed(block) {
    return {type: block.toolResult ? 'tool_result' : block.reasoningContent ? 'thinking' : 'other'};
}
