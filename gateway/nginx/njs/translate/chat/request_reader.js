// @ts-check
// Requests of OpenAI's Chat Completions.
import {list, object, take, text} from '../check.js';
import {madeId} from '../media.js';
import {lose, loseUnknown, refuse} from '../form.js';
import {contentOf} from './part_reader.js';

/** @typedef {import('../form.js').Form} Form */
/** @typedef {import('../form.js').Part} Part */

const TAKEN = [
    ['max_tokens', 'maxTokens', 'number'], ['max_completion_tokens', 'maxTokens', 'number'], ['temperature', 'temperature', 'number'],
    ['top_p', 'topP', 'number'], ['top_k', 'topK', 'number'], ['seed', 'seed', 'number'], ['n', 'n', 'number'],
    ['frequency_penalty', 'frequencyPenalty', 'number'], ['presence_penalty', 'presencePenalty', 'number'], ['user', 'user', 'string'],
    ['metadata', 'metadata', 'object'], ['service_tier', 'serviceTier', 'string'], ['parallel_tool_calls', 'parallelTools', 'boolean'],
    ['logit_bias', 'logitBias', 'object'],
];
const OPENAI = ['prompt_cache_key', 'prompt_cache_options', 'prompt_cache_retention', 'safety_identifier', 'store', 'verbosity'];
const REFUSED = {
    audio: 'cannot be asked of this provider', prediction: 'has no counterpart at this provider',
    web_search_options: 'has no counterpart at this provider', moderation: 'has no counterpart at this provider',
    functions: 'is not translated: say tools', function_call: 'is not translated: say tool_choice',
};
const KNOWN = [
    ...TAKEN.map(([name]) => name), ...OPENAI, ...Object.keys(REFUSED), 'model', 'messages', 'stream', 'stream_options', 'stop', 'tools',
    'tool_choice', 'response_format', 'reasoning_effort', 'thinking', 'logprobs', 'top_logprobs', 'modalities',
];

/**
 * @param {any} body
 * @param {Form} form
 * @returns {Form}
 */
export function readRequest(body, form) {
    for (const [name, why] of Object.entries(REFUSED)) {
        if (body[name] !== undefined && body[name] !== null) {
            refuse(name, why);
        }
    }
    loseUnknown(form, body, KNOWN);
    take(form, body, TAKEN);
    form.openai = {};
    for (const name of OPENAI) {
        if (body[name] !== undefined && body[name] !== null && body[name] !== false) {
            form.openai[name] = body[name];
        }
    }
    Object.assign(form.names, {stop: 'stop', format: 'response_format', reasoning: 'reasoning_effort', thinking: 'reasoning_content',
        logprobs: 'logprobs', toolChoice: 'tool_choice', cache: 'cache_control', name: 'messages.name', detail: 'image_url.detail'});
    readOptions(body, form);
    readTools(body, form);
    list(body.messages, 'messages').forEach((message, at) => readMessage(form, object(message, `messages[${at}]`), `messages[${at}]`));
    return form;
}

/**
 * @param {any} body
 * @param {Form} form
 */
function readOptions(body, form) {
    if (body.modalities && list(body.modalities, 'modalities').some((kind) => kind !== 'text')) {
        refuse('modalities', 'can be nothing but text at this provider');
    }
    if (body.stop !== undefined && body.stop !== null) {
        form.stop = typeof body.stop === 'string' ? [body.stop] : list(body.stop, 'stop').map((one) => text(one, 'stop'));
    }
    if (body.logprobs) {
        form.logprobs = body.top_logprobs || 0;
    } else if (body.top_logprobs) {
        refuse('top_logprobs', 'needs logprobs');
    }
    if (body.stream_options) {
        const options = object(body.stream_options, 'stream_options');
        form.askedUsage = options.include_usage === true;
        loseUnknown(form, options.include_obfuscation ? options : {...options, include_obfuscation: null}, ['include_usage'], 'stream_options.');
    }
    readReasoning(body, form);
    if (body.response_format) {
        readFormat(object(body.response_format, 'response_format'), form);
    }
}

/**
 * Beside OpenAI's own word `thinking` is understood, which LiteLLM and others have taught their users.
 *
 * @param {any} body
 * @param {Form} form
 */
function readReasoning(body, form) {
    if (body.thinking) {
        const {type, budget_tokens: budget} = object(body.thinking, 'thinking');
        form.reasoning = type === 'disabled' ? {effort: 'none'} : type === 'adaptive' ? {adaptive: true} : {budget};
        form.names.reasoning = 'thinking';
    }
    if (body.reasoning_effort) {
        form.reasoning = {...form.reasoning, effort: /** @type {any} */ (text(body.reasoning_effort, 'reasoning_effort'))};
    }
}

/**
 * @param {any} format
 * @param {Form} form
 */
function readFormat(format, form) {
    if (format.type === 'json_object') {
        form.format = {kind: 'json'};
    } else if (format.type === 'json_schema') {
        const {name, description, schema, strict} = object(format.json_schema, 'response_format.json_schema');
        form.format = {kind: 'schema', name, description, schema: object(schema, 'response_format.json_schema.schema'), strict: strict === true};
        loseUnknown(form, format.json_schema, ['name', 'description', 'schema', 'strict'], 'response_format.json_schema.');
    } else if (format.type !== 'text') {
        refuse('response_format.type', `cannot be ${JSON.stringify(format.type)}`);
    }
    loseUnknown(form, format, ['type', 'json_schema'], 'response_format.');
}

/**
 * @param {any} body
 * @param {Form} form
 */
function readTools(body, form) {
    list(body.tools || [], 'tools').forEach((tool, at) => {
        if (object(tool, `tools[${at}]`).type !== 'function') {
            refuse(`tools[${at}].type`, `cannot be ${JSON.stringify(tool.type)} at this provider`);
        }
        const {name, description, parameters, strict} = object(tool.function, `tools[${at}].function`);
        loseUnknown(form, tool, ['type', 'function', 'cache_control'], `tools[${at}].`);
        loseUnknown(form, tool.function, ['name', 'description', 'parameters', 'strict', 'cache_control'], `tools[${at}].function.`);
        form.tools.push({
            name: text(name, `tools[${at}].function.name`), description, schema: parameters || {type: 'object', properties: {}},
            strict: strict === true, cache: tool.cache_control || tool.function.cache_control,
        });
    });
    const choice = body.tool_choice;
    if (choice === undefined || choice === null) {
        return;
    }
    if (choice === 'none' || choice === 'auto' || choice === 'required') {
        form.toolChoice = {kind: choice === 'required' ? 'any' : choice};
    } else if (choice.type === 'function') {
        form.toolChoice = {kind: 'tool', name: text(object(choice.function, 'tool_choice.function').name, 'tool_choice.function.name')};
    } else if (choice.type === 'allowed_tools') {
        const {mode, tools} = object(choice.allowed_tools, 'tool_choice.allowed_tools');
        const names = list(tools, 'tool_choice.allowed_tools.tools').map((tool) => tool.function && tool.function.name);
        form.tools = form.tools.filter((tool) => names.includes(tool.name));
        if (form.tools.length === 0) {
            refuse('tool_choice.allowed_tools.tools', 'must name tools of the request');
        }
        form.toolChoice = {kind: mode === 'required' ? 'any' : 'auto'};
    } else {
        refuse('tool_choice', `cannot be ${JSON.stringify(choice.type || choice)} at this provider`);
    }
    if (typeof choice === 'object') {
        loseUnknown(form, choice, ['type', 'function', 'allowed_tools'], 'tool_choice.');
    }
}

/** @type {Record<string, (form: Form, message: any, place: string) => void>} */
const ROLES = {
    system: readSystem, developer: readSystem, assistant: readAssistant, tool: readResult,
    user(form, message, place) {
        loseUnknown(form, message, ['role', 'content', 'name'], `${place}.`);
        form.messages.push({role: 'user', parts: contentOf(form, message.content, place), ...(message.name && {name: message.name})});
    },
};

/**
 * @param {Form} form
 * @param {any} message
 * @param {string} place
 */
function readMessage(form, message, place) {
    const read = Object.hasOwn(ROLES, message.role) ? ROLES[message.role] : refuse(`${place}.role`, `cannot be ${JSON.stringify(message.role)}`);
    read(form, message, place);
}

/**
 * @param {Form} form
 * @param {any} message
 * @param {string} place
 */
function readSystem(form, message, place) {
    loseUnknown(form, message, ['role', 'content'], `${place}.`);
    if (form.messages.length > 0) {
        lose(form, `${place}.place`); // it is told before the conversation
    }
    for (const part of contentOf(form, message.content, place)) {
        form.system.push(part.kind === 'text' ? part : refuse(`${place}.content`, 'can be nothing but text'));
    }
}

/**
 * @param {Form} form
 * @param {any} message
 * @param {string} place
 */
function readAssistant(form, message, place) {
    for (const name of ['audio', 'function_call']) {
        if (message[name]) {
            refuse(`${place}.${name}`, 'has no counterpart at this provider');
        }
    }
    const known = ['role', 'content', 'name', 'refusal', 'tool_calls', 'reasoning_content', 'reasoning', 'thinking_blocks', 'annotations'];
    loseUnknown(form, message, known, `${place}.`);
    if (Array.isArray(message.annotations) && message.annotations.length > 0) {
        lose(form, 'annotations');
    }
    const parts = thinkingOf(message);
    if (message.content !== null && message.content !== undefined) {
        parts.push(...contentOf(form, message.content, place));
    }
    if (message.refusal) {
        parts.push({kind: 'text', text: text(message.refusal, `${place}.refusal`), refusal: true});
    }
    list(message.tool_calls || [], `${place}.tool_calls`).forEach((call, at) => parts.push(readCall(form, call, `${place}.tool_calls[${at}]`)));
    form.messages.push({role: 'assistant', parts, ...(message.name && {name: message.name})});
}

/**
 * @param {any} message
 * @returns {Part[]}
 */
function thinkingOf(message) {
    const said = message.reasoning_content || message.reasoning;
    const blocks = Array.isArray(message.thinking_blocks) ? message.thinking_blocks : [];
    if (blocks.length > 0) {
        const text = blocks.length === 1 && typeof said === 'string' ? said : ''; // of a client that put it in one place only
        return blocks.map((/** @type {any} */ block) => block.type === 'redacted_thinking'
            ? {kind: 'thinking', text: '', signature: block.data, redacted: true}
            : {kind: 'thinking', text: block.thinking || text, signature: block.signature || undefined});
    }
    return typeof said === 'string' && said !== '' ? [{kind: 'thinking', text: said}] : [];
}

/**
 * @param {Form} form
 * @param {any} call
 * @param {string} place
 * @returns {Part}
 */
function readCall(form, call, place) {
    if (object(call, place).type !== undefined && call.type !== 'function') {
        refuse(`${place}.type`, `cannot be ${JSON.stringify(call.type)} at this provider`);
    }
    const {name, arguments: said} = object(call.function, `${place}.function`);
    loseUnknown(form, call, ['id', 'type', 'function', 'extra_content', 'index'], `${place}.`);
    const signature = call.extra_content && call.extra_content.google && call.extra_content.google.thought_signature;
    return {
        kind: 'toolCall', id: call.id || madeId('call_'), name: text(name, `${place}.function.name`),
        arguments: text(said === undefined ? '' : said, `${place}.function.arguments`), place: `${place}.function.arguments`, ...(signature && {signature}),
    };
}

/**
 * Results that follow one another are one turn.
 *
 * @param {Form} form
 * @param {any} message
 * @param {string} place
 */
function readResult(form, message, place) {
    loseUnknown(form, message, ['role', 'content', 'tool_call_id', 'name', 'cache_control'], `${place}.`);
    /** @type {Part} */
    const part = {
        kind: 'toolResult', id: text(message.tool_call_id, `${place}.tool_call_id`), parts: contentOf(form, message.content, place),
        place: `${place}.content`, ...(message.name && {name: message.name}), ...(message.cache_control && {cache: message.cache_control}),
    };
    const last = form.messages[form.messages.length - 1];
    if (last !== undefined && last.role === 'user' && last.parts.length > 0 && last.parts.every(({kind}) => kind === 'toolResult')) {
        last.parts.push(part);
    } else {
        form.messages.push({role: 'user', parts: [part]});
    }
}
