// @ts-check
// How long Anthropic's models are to think, and what may be said of sampling then. It depends on the model.
import {EFFORT_BUDGET, effortOf, lose} from '../form.js';

/** @typedef {import('../form.js').Form} Form */

// Up to 4.5 a budget says how long to think; from 4.6 on a word does, and from 4.7 on nothing else may be said of sampling.
const BUDGETED = /claude-(?:[1-3]|4-[a-z]|instant|[a-z]+-4(?:[-.][0-5](?!\d)|-\d{8}|(?![-.]?\d)))/;
const SAMPLED = /claude-[a-z]+-4[-.]6(?!\d)/;
const LEAST_BUDGET = 1024;

/**
 * @param {Form} form
 * @param {Record<string, any>} body
 */
export function writeThinking(form, body) {
    const {effort, budget, adaptive, summary} = form.reasoning || {};
    if (form.reasoning === undefined) {
        return;
    }
    if (effort === 'none') {
        body.thinking = {type: 'disabled'};
    } else if (isForced(body) || (hasBudget(form) && isUnthought(body))) {
        lose(form, 'reasoning');
    } else if (hasBudget(form)) {
        const wanted = budget === undefined ? Math.min(EFFORT_BUDGET[effort || 'medium'], Math.floor(body.max_tokens * 0.8)) : budget;
        if (wanted >= LEAST_BUDGET && (effort || budget)) {
            body.thinking = {type: 'enabled', budget_tokens: wanted};
        } else {
            lose(form, 'reasoning');
        }
    } else {
        body.thinking = {type: 'adaptive', ...(summary && {display: 'summarized'})};
        const word = effort === 'minimal' ? 'low' : effortOf(form.reasoning);
        body.output_config = !adaptive || effort ? {effort: word} : undefined;
    }
}

/** @param {Form} form */
function hasBudget({model, reasoning}) {
    return BUDGETED.test(model) || (!model.includes('claude-') && !(reasoning && reasoning.adaptive));
}

/**
 * Anthropic does not think where a tool is forced.
 *
 * @param {Record<string, any>} body
 */
function isForced(body) {
    return body.tool_choice !== undefined && (body.tool_choice.type === 'any' || body.tool_choice.type === 'tool');
}

/**
 * With a budget Anthropic insists on the thoughts that led to the calls whose results are now told. Clients of other dialects
 * seldom keep them.
 *
 * @param {Record<string, any>} body
 */
function isUnthought({messages}) {
    const [before, last] = messages.slice(-2);
    return last !== undefined && last.role === 'user' && last.content[0].type === 'tool_result'
        && before.role === 'assistant' && !/thinking$/.test(before.content[0].type);
}

/**
 * @param {Form} form
 * @param {Record<string, any>} body
 */
export function writeSampling(form, body) {
    if (form.stop && form.stop.length > 0) {
        body.stop_sequences = form.stop;
    }
    const {temperature, topP, topK} = form;
    const modern = form.model.includes('claude-') && !BUDGETED.test(form.model) && !SAMPLED.test(form.model);
    const thinks = body.thinking !== undefined && body.thinking.type !== 'disabled';
    const kept = {
        temperature: temperature !== undefined && !modern && !(thinks && temperature !== 1),
        topP: topP !== undefined && !modern && !(thinks && topP < 0.95) && !(temperature !== undefined && topP === 1),
        topK: topK !== undefined && !modern && !thinks,
    };
    if (kept.temperature) {
        body.temperature = Math.min(Number(temperature), 1);
    }
    if (kept.topP) {
        body.top_p = topP;
    }
    if (kept.topK) {
        body.top_k = topK;
    }
    if (temperature !== undefined && temperature !== 1 && body.temperature !== temperature) {
        lose(form, 'temperature');
    }
    if (topP !== undefined && topP !== 1 && !kept.topP) {
        lose(form, 'topP');
    }
    if (topK !== undefined && !kept.topK) {
        lose(form, 'topK');
    }
}
