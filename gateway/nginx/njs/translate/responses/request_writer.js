// @ts-check
import {isStrict} from '../chat/schema.js';
import {effortOf, lose, nameOf, refuse} from '../form.js';
import {writeInput} from './input_writer.js';

/** @typedef {import('../form.js').Form} Form */

const WHERE = "has no counterpart in OpenAI's Responses";
const LEAST_TOKENS = 16;
/** @type {readonly [keyof Form, string][]} */
const SIMPLE = [
    ['temperature', 'temperature'], ['topP', 'top_p'], ['serviceTier', 'service_tier'], ['parallelTools', 'parallel_tool_calls'],
];
/** @type {readonly (keyof Form)[]} */
const LOST = ['seed', 'frequencyPenalty', 'presencePenalty', 'logitBias', 'topK'];
const LONGEST_USER = 64;

/**
 * @param {Form} form
 * @returns {object}
 */
export function writeRequest(form) {
    if (form.n !== undefined && form.n > 1) {
        refuse(nameOf(form, 'n'), "must be 1: OpenAI's Responses has one answer");
    }
    if (form.stop && form.stop.length > 0) {
        refuse(nameOf(form, 'stop'), WHERE);
    }
    for (const field of LOST) {
        if (form[field] !== undefined) {
            lose(form, field);
        }
    }
    const {verbosity, store, ...shared} = form.openai || {};
    /** @type {Record<string, any>} */
    const body = {model: form.model, ...writeInput(form), ...shared, store: Boolean(store)};
    for (const [field, name] of SIMPLE) {
        if (form[field] !== undefined) {
            body[name] = form[field];
        }
    }
    if (form.maxTokens !== undefined) {
        if (form.maxTokens < LEAST_TOKENS) {
            lose(form, 'maxTokens');
        }
        body.max_output_tokens = Math.max(form.maxTokens, LEAST_TOKENS);
    }
    labels(form, body);
    tools(form, body);
    const include = reasoning(form, body) ? ['reasoning.encrypted_content'] : [];
    if (form.logprobs !== undefined) {
        body.top_logprobs = form.logprobs;
        include.push('message.output_text.logprobs');
    }
    if (include.length > 0) {
        body.include = include;
    }
    const format = formatOf(form, body);
    if (format || verbosity) {
        body.text = {...format && {format}, ...verbosity && {verbosity}};
    }
    return form.stream ? {...body, stream: true} : body;
}

/**
 * @param {Form} form
 * @param {Record<string, any>} body
 */
function labels(form, body) {
    if (form.metadata !== undefined) {
        if (body.store) {
            body.metadata = form.metadata; // which OpenAI keeps with the answer
        } else {
            lose(form, 'metadata');
        }
    }
    if (form.user !== undefined) {
        if (form.user.length > LONGEST_USER) {
            lose(form, 'user');
        } else {
            body.user = form.user;
        }
    }
}

/**
 * @param {Form} form
 * @param {Record<string, any>} body
 * @returns {boolean} whether proof of thoughts is to be had
 */
function reasoning(form, body) {
    const effort = effortOf(form.reasoning);
    const told = body.input.some((/** @type {any} */ item) => item.type === 'reasoning');
    if (form.reasoning === undefined) {
        return told;
    }
    if (effort === 'none' && form.dialect === 'messages') {
        lose(form, 'reasoning'); // Anthropic's clients say it to all models, and those that never think refuse the word
        return told;
    }
    const summary = form.reasoning.summary || (form.dialect === 'messages' ? 'auto' : undefined);
    if (effort !== undefined || summary !== undefined) {
        body.reasoning = {...effort && {effort}, ...summary && effort !== 'none' && {summary}};
    }
    return effort !== 'none';
}

/**
 * @param {Form} form
 * @param {Record<string, any>} body
 */
function tools(form, body) {
    const choice = form.toolChoice;
    if (form.tools.length === 0) {
        delete body.parallel_tool_calls;
        if (choice && (choice.kind === 'any' || choice.kind === 'tool')) {
            refuse(nameOf(form, 'toolChoice'), 'needs tools');
        }
        return;
    }
    body.tools = form.tools.map((tool) => {
        if (tool.cache) {
            lose(form, 'cache');
        }
        const {name, description, schema} = tool;
        const strict = strictness(form, tool.strict, schema, 'tools');
        return {type: 'function', name, ...description && {description}, parameters: {type: 'object', ...schema}, strict};
    });
    if (choice !== undefined) {
        body.tool_choice = choice.kind === 'tool' ? {type: 'function', name: choice.name} : choice.kind === 'any' ? 'required' : choice.kind;
    }
}

/**
 * OpenAI holds an answer to schemas of one form only; to others it is told what is wished.
 *
 * @param {Form} form
 * @param {boolean | undefined} strict
 * @param {any} schema
 * @param {string} field
 * @returns {boolean} which must be said: silence is strict
 */
function strictness(form, strict, schema, field) {
    if (strict && !isStrict(schema)) {
        lose(form, `${nameOf(form, field)}.strict`);
    }
    return strict === true && isStrict(schema);
}

/**
 * @param {Form} form
 * @param {Record<string, any>} body
 */
function formatOf(form, body) {
    if (form.format === undefined || form.format.kind === 'text') {
        return undefined;
    }
    if (form.format.kind === 'json') {
        if (!/json/i.test(JSON.stringify([body.instructions, body.input]))) {
            body.instructions = `${body.instructions ? `${body.instructions}\n\n` : ''}Answer with JSON.`; // OpenAI wants to find the word
        }
        return {type: 'json_object'};
    }
    const {name = 'answer', description, schema, strict} = form.format;
    return {type: 'json_schema', name, ...description && {description}, schema, strict: strictness(form, strict, schema, 'format')};
}
