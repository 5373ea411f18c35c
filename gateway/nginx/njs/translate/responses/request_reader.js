// @ts-check
// Requests of OpenAI's Responses.
import {list, object, take, text} from '../check.js';
import {lose, loseUnknown, refuse} from '../form.js';
import {readInput} from './input_reader.js';
import {ECHO} from './items.js';
import {readTools} from './tools.js';

/** @typedef {import('../form.js').Form} Form */

const TAKEN = [
    ['max_output_tokens', 'maxTokens', 'number'], ['temperature', 'temperature', 'number'], ['top_p', 'topP', 'number'],
    ['metadata', 'metadata', 'object'], ['parallel_tool_calls', 'parallelTools', 'boolean'], ['service_tier', 'serviceTier', 'string'],
    ['user', 'user', 'string'],
];
const OPENAI = ['prompt_cache_key', 'prompt_cache_options', 'prompt_cache_retention', 'safety_identifier', 'store'];
const NOWHERE = 'has no counterpart at this provider';
/** @type {Record<string, string>} */
const REFUSED = {
    previous_response_id: 'is known to the provider that made it only, and this gateway keeps no responses: send the conversation in input',
    conversation: NOWHERE, background: NOWHERE, prompt: NOWHERE, moderation: NOWHERE,
};
const KNOWN = [
    ...TAKEN.map(([name]) => name), ...OPENAI, ...Object.keys(REFUSED), 'model', 'input', 'instructions', 'stream', 'stream_options', 'include',
    'reasoning', 'text', 'tools', 'tool_choice', 'top_logprobs', 'truncation',
];
const NAMES = {
    messages: 'input', system: 'instructions', format: 'text.format', reasoning: 'reasoning', thinking: 'input.reasoning', logprobs: 'top_logprobs',
    toolChoice: 'tool_choice', cache: 'prompt_cache_breakpoint', detail: 'input.detail', citations: 'input.annotations', verbosity: 'text.verbosity',
};

/**
 * @param {any} body
 * @param {Form} form
 * @returns {Form}
 */
export function readRequest(body, form) {
    for (const [name, why] of Object.entries(REFUSED)) {
        if (object(body, 'body')[name]) {
            refuse(name, why);
        }
    }
    loseUnknown(form, body, KNOWN);
    take(form, body, TAKEN);
    Object.assign(form.names, NAMES);
    form.openai = Object.fromEntries(OPENAI.filter((name) => body[name]).map((name) => [name, body[name]]));
    form.echo = {...ECHO};
    for (const name of Object.keys(ECHO)) {
        if (body[name] !== undefined && body[name] !== null) {
            form.echo[name] = body[name];
        }
    }
    if (typeof body.instructions === 'string' && body.instructions !== '') {
        form.system.push({kind: 'text', text: body.instructions});
    } else if (body.instructions) {
        refuse('instructions', 'must be a string');
    }
    readOptions(body, form);
    readTools(body, form);
    readInput(body.input, form);
    return form;
}

/**
 * @param {any} body
 * @param {Form} form
 */
function readOptions(body, form) {
    if (body.truncation && body.truncation !== 'disabled') {
        lose(form, 'truncation');
    }
    if (body.stream_options) {
        loseUnknown(form, object(body.stream_options, 'stream_options'), ['include_obfuscation'], 'stream_options.');
        if (body.stream_options.include_obfuscation) {
            lose(form, 'stream_options.include_obfuscation');
        }
    }
    const include = list(body.include || [], 'include');
    if (body.top_logprobs || include.includes('message.output_text.logprobs')) {
        form.logprobs = body.top_logprobs || 0;
    }
    for (const name of include) {
        if (name !== 'message.output_text.logprobs' && name !== 'reasoning.encrypted_content') {
            lose(form, `include.${name}`);
        }
    }
    if (body.reasoning) {
        const {effort, summary, generate_summary: older} = object(body.reasoning, 'reasoning');
        loseUnknown(form, body.reasoning, ['effort', 'summary', 'generate_summary'], 'reasoning.');
        if (![undefined, null, 'auto'].includes(summary || older)) {
            lose(form, 'reasoning.summary'); // others show what they show
        }
        if (effort || summary || older) {
            form.reasoning = {...effort && {effort}, ...(summary || older) && {summary: summary || older}};
        }
    }
    if (body.text) {
        readText(object(body.text, 'text'), form);
    }
}

/**
 * @param {any} config
 * @param {Form} form
 */
function readText(config, form) {
    loseUnknown(form, config, ['format', 'verbosity'], 'text.');
    if (config.verbosity) {
        form.openai = {...form.openai, verbosity: config.verbosity};
    }
    const format = object(config.format || {type: 'text'}, 'text.format');
    if (format.type === 'json_object') {
        form.format = {kind: 'json'};
    } else if (format.type === 'json_schema') {
        const {name, description, schema, strict} = format;
        form.format = {
            kind: 'schema', name: text(name, 'text.format.name'), schema: object(schema, 'text.format.schema'), strict: strict === true,
            ...description && {description},
        };
        loseUnknown(form, format, ['type', 'name', 'description', 'schema', 'strict'], 'text.format.');
    } else if (format.type !== 'text') {
        refuse('text.format.type', `cannot be ${JSON.stringify(format.type)}`);
    }
}
