// @ts-check
// Requests of Anthropic's Messages.
import {list, object, take, text} from '../check.js';
import {lose, loseUnknown, refuse} from '../form.js';
import {contentOf} from './block_reader.js';

/** @typedef {import('../form.js').Form} Form */

const TAKEN = [
    ['max_tokens', 'maxTokens', 'number'], ['temperature', 'temperature', 'number'], ['top_p', 'topP', 'number'], ['top_k', 'topK', 'number'],
    ['stop_sequences', 'stop', 'object'],
];
const REFUSED = {
    container: 'is known to one provider only', mcp_servers: 'has no counterpart at this provider', thread: 'is known to one provider only',
    inference_geo: 'cannot be promised by this provider', fallbacks: 'has no counterpart at this provider',
};
// what Anthropic alone does: hints, bookkeeping, and care for a long context
const LOST = [
    'context_management', 'compaction', 'diagnostics', 'billing_policy', 'fallback_credit_token', 'user_profile_id', 'workspace_id', 'speed',
];
const KNOWN = [
    ...TAKEN.map(([name]) => name), ...Object.keys(REFUSED), ...LOST, 'model', 'messages', 'stream', 'system', 'metadata', 'tools',
    'tool_choice', 'thinking', 'output_config', 'output_format', 'service_tier', 'cache_control',
];

/**
 * @param {any} body
 * @param {Form} form
 * @returns {Form}
 */
export function readRequest(body, form) {
    for (const [name, why] of Object.entries(REFUSED)) {
        if (body[name] && body[name].length !== 0) {
            refuse(name, why);
        }
    }
    for (const name of LOST) {
        if (body[name] && body[name] !== 'standard') {
            lose(form, name);
        }
    }
    loseUnknown(form, body, KNOWN);
    take(form, {...body, stop_sequences: undefined}, TAKEN);
    Object.assign(form.names, {stop: 'stop_sequences', format: 'output_config.format', reasoning: 'thinking', thinking: 'messages.thinking',
        toolChoice: 'tool_choice', parallelTools: 'tool_choice.disable_parallel_tool_use', cache: 'cache_control', user: 'metadata.user_id',
        serviceTier: 'service_tier', name: 'title'});
    if (body.max_tokens === 0) {
        refuse('max_tokens', 'must be more than 0: this provider has no cache to warm');
    }
    if (body.stop_sequences) {
        form.stop = list(body.stop_sequences, 'stop_sequences').map((one) => text(one, 'stop_sequences'));
    }
    readSystem(form, body.system, 'system');
    list(body.messages, 'messages').forEach((message, at) => readMessage(form, object(message, `messages[${at}]`), `messages[${at}]`));
    readOptions(body, form);
    readThinking(body, form);
    readTools(body, form);
    readCache(body, form);
    return form;
}

/**
 * @param {Form} form
 * @param {any} content
 * @param {string} place
 */
function readSystem(form, content, place) {
    if (content === undefined || content === null) {
        return;
    }
    for (const part of contentOf(form, content, place)) {
        form.system.push(part.kind === 'text' ? part : refuse(place, 'can be nothing but text'));
    }
}

/**
 * @param {Form} form
 * @param {any} message
 * @param {string} place
 */
function readMessage(form, message, place) {
    loseUnknown(form, message, ['role', 'content'], `${place}.`);
    const {role, content} = message;
    if (role === 'system') {
        lose(form, `${place}.place`); // it is told before the conversation
        readSystem(form, content, `${place}.content`);
    } else if (role === 'user' || role === 'assistant') {
        form.messages.push({role, parts: contentOf(form, content, `${place}.content`, role)});
    } else {
        refuse(`${place}.role`, `cannot be ${JSON.stringify(role)}`);
    }
}

/**
 * @param {any} body
 * @param {Form} form
 */
function readOptions(body, form) {
    if (body.metadata) {
        const {user_id: user} = object(body.metadata, 'metadata');
        loseUnknown(form, body.metadata, ['user_id'], 'metadata.');
        form.user = user ? text(user, 'metadata.user_id') : undefined;
    }
    if (body.service_tier) {
        form.serviceTier = body.service_tier === 'standard_only' ? 'default' : text(body.service_tier, 'service_tier');
    }
    const {effort, format} = body.output_config ? object(body.output_config, 'output_config') : /** @type {any} */ ({});
    if (body.output_config) {
        loseUnknown(form, body.output_config, ['effort', 'format'], 'output_config.');
    }
    if (effort) {
        form.reasoning = {effort};
        form.names.reasoning = 'output_config.effort';
    }
    const asked = format || body.output_format;
    if (asked) {
        if (asked.type !== 'json_schema') {
            refuse('output_config.format.type', `cannot be ${JSON.stringify(asked.type)}`);
        }
        form.format = {kind: 'schema', schema: object(asked.schema, 'output_config.format.schema'), strict: true};
        loseUnknown(form, asked, ['type', 'schema'], 'output_config.format.');
    }
}

/**
 * @param {any} body
 * @param {Form} form
 */
function readThinking(body, form) {
    if (!body.thinking) {
        return;
    }
    const {type, budget_tokens: budget, display} = object(body.thinking, 'thinking');
    loseUnknown(form, body.thinking, ['type', 'budget_tokens', 'display'], 'thinking.');
    if (type === 'disabled') {
        form.reasoning = {...form.reasoning, effort: 'none'};
        form.names.reasoning = 'thinking';
    } else if (type === 'enabled') {
        form.reasoning = {...form.reasoning, budget};
    } else if (type === 'adaptive') {
        form.reasoning = {...form.reasoning, adaptive: true};
    } else {
        lose(form, 'thinking');
    }
    if (display === 'omitted') {
        lose(form, 'thinking.display');
    } else if (display && form.reasoning) {
        form.reasoning.summary = 'auto';
    }
}

/**
 * @param {any} body
 * @param {Form} form
 */
function readTools(body, form) {
    list(body.tools || [], 'tools').forEach((tool, at) => {
        const place = `tools[${at}]`;
        const {type, name, description, input_schema: schema, strict, cache_control: cache, allowed_callers: callers} = object(tool, place);
        if (type && type !== 'custom') {
            refuse(`${place}.type`, `cannot be ${JSON.stringify(type)}: this provider has no such tool`);
        }
        const known = ['type', 'name', 'description', 'input_schema', 'strict', 'cache_control', 'allowed_callers'];
        const {defer_loading: defer, eager_input_streaming: eager, ...rest} = tool;
        loseUnknown(form, {...rest, ...(defer && {defer_loading: defer}), ...(eager && {eager_input_streaming: eager})}, known, 'tools.');
        if (Array.isArray(callers) && callers.some((one) => one !== 'direct')) {
            lose(form, 'tools.allowed_callers');
        }
        form.tools.push({
            name: text(name, `${place}.name`), description, schema: object(schema, `${place}.input_schema`), strict: strict === true, cache,
        });
    });
    if (!body.tool_choice) {
        return;
    }
    const {type, name, disable_parallel_tool_use: alone} = object(body.tool_choice, 'tool_choice');
    loseUnknown(form, body.tool_choice, ['type', 'name', 'disable_parallel_tool_use'], 'tool_choice.');
    if (!['auto', 'any', 'tool', 'none'].includes(type)) {
        refuse('tool_choice.type', `cannot be ${JSON.stringify(type)}`);
    }
    form.toolChoice = {kind: type, ...(type === 'tool' && {name: text(name, 'tool_choice.name')})};
    form.parallelTools = alone ? false : undefined;
}

/**
 * The mark for all of a request is one on its last part.
 *
 * @param {any} body
 * @param {Form} form
 */
function readCache(body, form) {
    const last = form.messages[form.messages.length - 1];
    const part = body.cache_control && last && last.parts[last.parts.length - 1];
    if (part && part.kind !== 'thinking') {
        part.cache = body.cache_control;
    }
}
