// @ts-check
// Requests of OpenAI's Chat Completions.
import {effortOf, lose, nameOf, refuse, signatureFor} from '../form.js';
import {isStrict} from './schema.js';
import {boundName, effortWord, sharedFields, suit} from './servers.js';

/** @typedef {import('../form.js').Form} Form */
/** @typedef {import('../form.js').Part} Part */
/** @typedef {import('../form.js').Message} Message */

const LONGEST_USER = 64;
const SAME = {
    temperature: 'temperature', topP: 'top_p', seed: 'seed', n: 'n', frequencyPenalty: 'frequency_penalty',
    presencePenalty: 'presence_penalty', logitBias: 'logit_bias', serviceTier: 'service_tier',
};

/**
 * @param {Form} form
 * @param {import('../form.js').Orders} orders
 * @returns {object}
 */
export function writeRequest(form, {provider}) {
    /** @type {Record<string, any>} */
    const body = {model: form.model, messages: writeMessages(form), ...sharedFields(form, provider || 'openai')};
    for (const [field, name] of Object.entries(SAME)) {
        body[name] = /** @type {any} */ (form)[field];
    }
    if (form.maxTokens !== undefined) {
        body[boundName(form.model, provider)] = form.maxTokens;
    }
    if (form.topK !== undefined) {
        lose(form, 'topK');
    }
    if (form.metadata !== undefined) {
        // OpenAI keeps it with the answer
        body.metadata = body.store || provider === 'mistral' ? form.metadata : void lose(form, 'metadata');
    }
    if (form.user !== undefined) {
        body.user = form.user.length > LONGEST_USER ? void lose(form, 'user') : form.user;
    }
    if (form.stop && form.stop.length > 0) {
        body.stop = form.stop.length > 4 ? refuse(nameOf(form, 'stop'), 'may hold 4 sequences at most') : form.stop;
    }
    if (form.logprobs !== undefined) {
        body.logprobs = true;
        body.top_logprobs = form.logprobs || undefined;
    }
    const effort = effortOf(form.reasoning);
    if (effort !== undefined) {
        body.reasoning_effort = effortWord(form, effort, provider);
    }
    writeFormat(form, body);
    writeTools(form, body);
    if (form.stream) {
        body.stream = true;
        body.stream_options = {include_usage: true};
    }
    suit(form, body, provider || 'openai');
    return body;
}

/**
 * @param {Form} form
 * @param {Record<string, any>} body
 */
function writeFormat(form, body) {
    const {kind = 'text', name = 'answer', description, schema, strict} = form.format || {};
    if (kind === 'json') {
        body.response_format = {type: 'json_object'};
        if (!/json/i.test(JSON.stringify(body.messages))) {
            body.messages.unshift({role: 'system', content: 'Answer with JSON.'}); // OpenAI wants to find the word
        }
    } else if (kind === 'schema') {
        body.response_format = {type: 'json_schema', json_schema: {name, description, schema, strict: strictness(form, strict, schema, 'format')}};
    }
}

/**
 * OpenAI holds an answer to schemas of one form only; to others it is told what is wished.
 *
 * @param {Form} form
 * @param {boolean | undefined} strict
 * @param {any} schema
 * @param {string} field
 * @returns {true | undefined}
 */
function strictness(form, strict, schema, field) {
    if (strict && !isStrict(schema)) {
        lose(form, `${nameOf(form, field)}.strict`);
    }
    return strict && isStrict(schema) ? true : undefined;
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
    body.tools = tools.map((tool) => {
        if (tool.cache) {
            lose(form, 'cache');
        }
        const {name, description, schema, strict} = tool;
        return {type: 'function', function: {name, description, parameters: {type: 'object', ...schema}, strict: strictness(form, strict, schema, 'tools')}};
    });
    if (choice) {
        body.tool_choice = choice.kind === 'any' ? 'required'
            : choice.kind === 'tool' ? {type: 'function', function: {name: choice.name}} : choice.kind;
    }
    body.parallel_tool_calls = form.parallelTools;
}

/** @param {Form} form */
function writeMessages(form) {
    /** @type {any[]} */
    const written = [];
    if (form.system.length > 0) {
        written.push({role: 'system', content: contentOf(form, form.system)});
    }
    const asked = form.messages.findLastIndex(({role, parts}) => role === 'user' && parts.some(({kind}) => kind !== 'toolResult'));
    form.messages.forEach((message, at) => {
        if (message.role === 'user') {
            writeUser(form, message, written);
        } else {
            writeAssistant(form, message, written, at > asked);
        }
    });
    return written;
}

/**
 * @param {Form} form
 * @param {Message} message
 * @param {any[]} written
 */
function writeUser(form, {parts, name}, written) {
    /** @type {Part[]} */
    const rest = [];
    for (const part of parts) {
        if (part.kind === 'toolResult') {
            rest.push(...writeResult(form, part, written));
        } else {
            rest.push(part);
        }
    }
    if (rest.length > 0 || parts.length === 0) {
        written.push({role: 'user', content: contentOf(form, rest), ...(name !== undefined && {name})});
    }
}

/**
 * A tool's message holds text only. What a tool has shown comes after the results, in words that say whose it is.
 *
 * @param {Form} form
 * @param {import('../form.js').ToolResultPart} result
 * @param {any[]} written
 * @returns {Part[]}
 */
function writeResult(form, result, written) {
    if (result.cache) {
        lose(form, 'cache');
    }
    const texts = result.parts.filter(({kind}) => kind === 'text');
    const shown = result.parts.filter(({kind}) => kind !== 'text');
    const said = contentOf(form, texts);
    const failed = result.isError ? 'Error: ' : '';
    const content = typeof said === 'string' ? failed + said : failed === '' ? said : [{type: 'text', text: failed}, ...said];
    written.push({role: 'tool', tool_call_id: result.id, content: content || (shown.length > 0 ? 'See the next message.' : '')});
    return shown.length > 0 ? [{kind: 'text', text: `Shown by the tool call ${result.id}:`}, ...shown] : [];
}

/**
 * @param {Form} form
 * @param {Message} message
 * @param {any[]} written
 * @param {boolean} isOpen whether it belongs to the turn that goes on: models that think in chat want those thoughts, and no older ones
 */
function writeAssistant(form, {parts, name}, written, isOpen) {
    const thoughts = parts.filter((part) => part.kind === 'thinking');
    const own = thoughts.filter(({signature, redacted}) => !redacted && signatureFor('chat', signature) !== undefined);
    if (own.length < thoughts.length || (own.length > 0 && !isOpen)) {
        lose(form, 'thinking');
    }
    const calls = parts.filter((part) => part.kind === 'toolCall');
    if (calls.some(({cache}) => cache)) {
        lose(form, 'cache');
    }
    const said = parts.filter((part) => part.kind !== 'toolCall' && part.kind !== 'thinking');
    written.push({
        role: 'assistant', content: said.length > 0 ? contentOf(form, said) : calls.length > 0 ? null : '', name,
        ...(isOpen && own.length > 0 && {reasoning_content: own.map(({text}) => text).join('')}),
        ...(calls.length > 0 && {tool_calls: calls.map(writeCall)}),
    });
}

/** @param {import('../form.js').ToolCallPart} call */
function writeCall({id, name, arguments: said, signature}) {
    return {
        id, type: 'function', function: {name, arguments: said || '{}'},
        ...(signatureFor('chat', signature) && {extra_content: {google: {thought_signature: signatureFor('chat', signature)}}}),
    };
}

/**
 * @param {Form} form
 * @param {Part[]} parts
 * @returns {string | any[]}
 */
function contentOf(form, parts) {
    const written = parts.map((part) => writePart(form, part));
    return written.length === 0 ? '' : written.length === 1 && written[0].type === 'text' ? written[0].text : written;
}

/**
 * @param {Form} form
 * @param {any} part
 * @returns {any}
 */
function writePart(form, part) {
    const place = part.place || 'messages';
    if (part.cache) {
        lose(form, 'cache');
    }
    switch (part.kind) {
    case 'text':
        if (part.citations) {
            lose(form, 'citations');
        }
        return part.refusal ? {type: 'refusal', refusal: part.text} : {type: 'text', text: part.text};
    case 'image':
        return {type: 'image_url', image_url: {url: urlOf(part), detail: part.detail}};
    case 'audio': {
        const format = /^audio\/(?:x-)?(wav|mp3|mpeg)$/.exec(part.mediaType || '');
        if (format === null || part.data === undefined) {
            refuse(place, 'must be WAV or MP3 data for this provider');
        }
        return {type: 'input_audio', input_audio: {data: part.data, format: format[1] === 'wav' ? 'wav' : 'mp3'}};
    }
    case 'document':
        if (part.text !== undefined) {
            return {type: 'text', text: part.name ? `${part.name}\n\n${part.text}` : part.text};
        }
        if (part.data === undefined) {
            refuse(place, 'must be sent as data: Chat Completions reads no documents from URLs');
        }
        return {type: 'file', file: {filename: part.name || `document.${(part.mediaType || '/pdf').split('/')[1]}`, file_data: urlOf(part)}};
    default:
        return refuse(place, `is ${part.kind}, which Chat Completions does not take`);
    }
}

/** @param {import('../form.js').MediaPart} part */
const urlOf = ({url, mediaType, data}) => url === undefined ? `data:${mediaType};base64,${data}` : url;
