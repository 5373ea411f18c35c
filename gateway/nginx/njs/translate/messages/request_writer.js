// @ts-check
// Requests of Anthropic's Messages.
import {lose, loseOpenai, nameOf, refuse} from '../form.js';
import {writePart} from './block_writer.js';
import {narrow} from './schema.js';
import {writeSampling, writeThinking} from './thinking.js';

/** @typedef {import('../form.js').Form} Form */

const MOST_CACHES = 4;
const LOST = ['seed', 'frequencyPenalty', 'presencePenalty', 'logitBias', 'metadata'];

/**
 * @param {Form} form
 * @param {import('../form.js').Orders} orders
 * @returns {object}
 */
export function writeRequest(form, orders) {
    refuseOthers(form);
    LOST.forEach((name) => /** @type {any} */ (form)[name] !== undefined && lose(form, name));
    loseOpenai(form);
    /** @type {Record<string, any>} */
    const body = {model: form.model, max_tokens: form.maxTokens || orders.maxTokens};
    if (form.system.length > 0) {
        const blocks = form.system.map((part) => writePart(form, part)).filter(Boolean);
        body.system = blocks.length > 0 ? blocks : undefined;
    }
    body.messages = writeMessages(form);
    writeTools(form, body);
    writeThinking(form, body);
    writeSampling(form, body);
    if (form.format && form.format.kind === 'schema') {
        body.output_config = {...body.output_config, format: {type: 'json_schema', schema: narrow(form, form.format.schema, nameOf(form, 'format'))}};
        if (form.format.description) {
            lose(form, `${nameOf(form, 'format')}.description`);
        }
    }
    limitCaches(form, body);
    if (form.user !== undefined) {
        body.metadata = {user_id: form.user};
    }
    if (form.serviceTier === 'auto' || form.serviceTier === 'default') {
        body.service_tier = form.serviceTier === 'auto' ? 'auto' : 'standard_only';
    } else if (form.serviceTier !== undefined) {
        lose(form, 'serviceTier');
    }
    if (form.stream) {
        body.stream = true;
    }
    return body;
}

/** @param {Form} form */
function refuseOthers(form) {
    if (form.n !== undefined && form.n !== 1) {
        refuse(nameOf(form, 'n'), 'must be 1: Anthropic gives one answer');
    }
    if (form.logprobs !== undefined) {
        refuse(nameOf(form, 'logprobs'), 'has no counterpart in Anthropic\'s Messages');
    }
    if (form.format && form.format.kind === 'json') {
        refuse(nameOf(form, 'format'), 'asks for any JSON, which Anthropic cannot promise: give a JSON schema');
    }
    if (form.stop && form.stop.some((one) => one.trim() === '')) {
        refuse(nameOf(form, 'stop'), 'must hold more than white space for Anthropic');
    }
}

/**
 * Neighbours of one role become one message, results of tools first.
 *
 * @param {Form} form
 */
function writeMessages(form) {
    /** @type {{role: string, content: any[]}[]} */
    const written = [];
    for (const message of form.messages) {
        if (message.name !== undefined) {
            lose(form, 'name');
        }
        const content = message.parts.map((part) => writePart(form, part)).filter(Boolean);
        const last = written[written.length - 1];
        if (content.length > 0 && last !== undefined && last.role === message.role) {
            last.content.push(...content);
        } else if (content.length > 0) {
            written.push({role: message.role, content});
        }
    }
    for (const {role, content} of written) {
        if (role === 'user') {
            content.sort((one, other) => Number(other.type === 'tool_result') - Number(one.type === 'tool_result'));
        }
    }
    if (written.length === 0 || written[0].role !== 'user') {
        written.unshift({role: 'user', content: [{type: 'text', text: '.'}]}); // the first word must be the user's
        lose(form, 'messages[0].place');
    }
    const end = written[written.length - 1];
    const open = end.role === 'assistant' && end.content[end.content.length - 1];
    if (open && open.type === 'text') {
        open.text = open.text.trimEnd(); // an answer that is to be gone on with may not end in white space
    }
    return written;
}

/**
 * @param {Form} form
 * @param {Record<string, any>} body
 */
function writeTools(form, body) {
    const {tools, toolChoice: choice} = form;
    if (tools.length === 0) {
        if (choice && (choice.kind === 'any' || choice.kind === 'tool')) {
            refuse(nameOf(form, 'toolChoice'), 'needs tools');
        }
        return;
    }
    body.tools = tools.map((tool) => ({
        name: tool.name, description: tool.description, input_schema: schemaOf(form, tool), strict: tool.strict || undefined,
        cache_control: tool.cache,
    }));
    if (choice || form.parallelTools === false) {
        const kind = choice ? choice.kind : 'auto';
        const alone = form.parallelTools === false && kind !== 'none';
        body.tool_choice = {type: kind, ...(kind === 'tool' && {name: choice && choice.name}), ...(alone && {disable_parallel_tool_use: true})};
    }
}

/**
 * Of all marks the last ones count most: what is before them is cached with them.
 *
 * @param {Form} form
 * @param {Record<string, any>} body
 */
function limitCaches(form, {tools = [], system = [], messages}) {
    const blocks = messages.flatMap((/** @type {any} */ {content}) => content)
        .flatMap((/** @type {any} */ block) => block.type === 'tool_result' ? [...(block.content || []), block] : [block]);
    const marked = [...tools, ...system, ...blocks].filter((block) => block.cache_control);
    for (const block of marked.slice(0, -MOST_CACHES)) {
        delete block.cache_control;
        lose(form, 'cache');
    }
}

/**
 * @param {Form} form
 * @param {import('../form.js').Tool} tool
 */
function schemaOf(form, {schema, strict}) {
    const whole = {type: 'object', ...schema};
    return strict ? narrow(form, whole, 'tools.parameters') : whole;
}
