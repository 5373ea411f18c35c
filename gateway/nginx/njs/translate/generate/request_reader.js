// @ts-check
// Requests of Google's generateContent.
import {list, object, take, text} from '../check.js';
import {lose, loseUnknown, refuse} from '../form.js';
import {readContents, readSystem} from './contents.js';
import {camel, jsonSchema} from './schema.js';

/** @typedef {import('../form.js').Form} Form */

const CONFIG = 'generationConfig.';
const TAKEN = [
    ['temperature', 'temperature', 'number'], ['topP', 'topP', 'number'], ['topK', 'topK', 'number'], ['candidateCount', 'n', 'number'],
    ['maxOutputTokens', 'maxTokens', 'number'], ['presencePenalty', 'presencePenalty', 'number'],
    ['frequencyPenalty', 'frequencyPenalty', 'number'], ['seed', 'seed', 'number'],
];
const READ = [
    ...TAKEN.map(([name]) => name), 'stopSequences', 'responseLogprobs', 'logprobs', 'responseMimeType', 'responseSchema',
    'responseJsonSchema', '_responseJsonSchema', 'responseModalities', 'thinkingConfig',
];
const REFUSED = ['speechConfig', 'imageConfig', 'audioTranscriptionConfig', 'responseFormat', 'routingConfig', 'modelSelectionConfig'];
const KNOWN = ['model', 'contents', 'systemInstruction', 'generationConfig', 'tools', 'toolConfig', 'labels', 'serviceTier'];
const NOWHERE = 'has no counterpart at this provider';
/** @type {Record<string, any>} */
const LEVELS = {MINIMAL: 'minimal', LOW: 'low', MEDIUM: 'medium', HIGH: 'high', XHIGH: 'xhigh'};
/** @type {Record<string, string>} */
const TIERS = {standard: 'default', unspecified: 'auto'};
const NAMES = {
    messages: 'contents', system: 'systemInstruction', stop: 'generationConfig.stopSequences', logprobs: 'generationConfig.responseLogprobs',
    format: 'generationConfig.responseMimeType', reasoning: 'generationConfig.thinkingConfig', toolChoice: 'toolConfig.functionCallingConfig',
    thinking: 'contents.parts.thought', metadata: 'labels', serviceTier: 'serviceTier',
};

/**
 * @param {any} body
 * @param {Form} form
 * @returns {Form}
 */
export function readRequest(body, form) {
    const request = camel(object(body, 'body'));
    for (const name of ['cachedContent', 'continuationToken']) {
        if (request[name]) {
            refuse(name, NOWHERE);
        }
    }
    loseUnknown(form, request, [...KNOWN, 'cachedContent', 'continuationToken']);
    readConfig(camel(object(request.generationConfig || {}, 'generationConfig')), form);
    Object.assign(form.names, NAMES);
    for (const field of ['temperature', 'topP', 'topK', 'n', 'maxTokens', 'presencePenalty', 'frequencyPenalty', 'seed']) {
        form.names[field] = CONFIG + (form.names[field] || field);
    }
    if (request.labels) {
        form.metadata = object(request.labels, 'labels');
    }
    if (request.serviceTier) {
        const tier = text(request.serviceTier, 'serviceTier').toLowerCase();
        form.serviceTier = TIERS[tier] || tier;
    }
    readSystem(request.systemInstruction, form);
    readTools(request, form);
    readContents(request.contents, form);
    return form;
}

/**
 * @param {any} config
 * @param {Form} form
 */
function readConfig(config, form) {
    for (const name of REFUSED) {
        if (config[name]) {
            refuse(CONFIG + name, NOWHERE);
        }
    }
    loseUnknown(form, config, [...READ, ...REFUSED], CONFIG);
    take(form, config, TAKEN);
    if (config.stopSequences) {
        form.stop = list(config.stopSequences, 'generationConfig.stopSequences').map((one) => text(one, 'generationConfig.stopSequences'));
    }
    if (config.responseLogprobs) {
        form.logprobs = config.logprobs || 0;
    } else if (config.logprobs) {
        lose(form, 'generationConfig.logprobs');
    }
    if (list(config.responseModalities || [], 'generationConfig.responseModalities').some((kind) => String(kind).toUpperCase() !== 'TEXT')) {
        refuse('generationConfig.responseModalities', 'can be nothing but TEXT at this provider');
    }
    readFormat(config, form);
    if (config.thinkingConfig) {
        readThinking(camel(object(config.thinkingConfig, 'generationConfig.thinkingConfig')), form);
    }
}

/**
 * @param {any} config
 * @param {Form} form
 */
function readFormat(config, form) {
    const type = config.responseMimeType;
    const schema = config.responseJsonSchema || config._responseJsonSchema || (config.responseSchema && jsonSchema(config.responseSchema));
    if (type === 'application/json' || (type === undefined && schema)) {
        form.format = schema ? {kind: 'schema', schema: object(schema, 'generationConfig.responseSchema')} : {kind: 'json'};
    } else if (type !== undefined && type !== null && type !== 'text/plain') {
        refuse('generationConfig.responseMimeType', `cannot be ${JSON.stringify(type)} at this provider`);
    }
}

/**
 * @param {any} thinking
 * @param {Form} form
 */
function readThinking(thinking, form) {
    loseUnknown(form, thinking, ['includeThoughts', 'thinkingBudget', 'thinkingLevel'], 'generationConfig.thinkingConfig.');
    const {thinkingBudget: budget, thinkingLevel: level} = thinking;
    const effort = LEVELS[String(level).toUpperCase()];
    form.reasoning = {
        ...effort ? {effort} : budget === 0 ? {effort: 'none'} : budget > 0 ? {budget} : {adaptive: true},
        ...thinking.includeThoughts && {summary: 'auto'},
    };
}

/**
 * @param {any} request
 * @param {Form} form
 */
function readTools(request, form) {
    list(request.tools || [], 'tools').forEach((tool, at) => {
        for (const [name, value] of Object.entries(camel(object(tool, `tools[${at}]`)))) {
            if (name !== 'functionDeclarations' && value !== null) {
                refuse(`tools[${at}].${name}`, NOWHERE);
            }
        }
        list(camel(tool).functionDeclarations || [], `tools[${at}].functionDeclarations`).forEach((declared, number) => {
            readDeclaration(declared, form, `tools[${at}].functionDeclarations[${number}]`);
        });
    });
    const config = camel(object(request.toolConfig || {}, 'toolConfig'));
    loseUnknown(form, config, ['functionCallingConfig'], 'toolConfig.');
    const {mode, allowedFunctionNames: allowed, ...rest} = camel(object(config.functionCallingConfig || {}, 'toolConfig.functionCallingConfig'));
    loseUnknown(form, rest, [], 'toolConfig.functionCallingConfig.');
    if (mode === undefined || mode === 'MODE_UNSPECIFIED') {
        loseUnknown(form, {allowedFunctionNames: allowed}, [], 'toolConfig.functionCallingConfig.');
        return;
    }
    if (mode === 'VALIDATED') {
        lose(form, 'toolConfig.functionCallingConfig.mode'); // calls are not held to their schemas
    }
    /** @type {Record<string, 'auto' | 'any' | 'none'>} */
    const kinds = {AUTO: 'auto', ANY: 'any', NONE: 'none', VALIDATED: 'auto'};
    const kind = kinds[String(mode).toUpperCase()] || refuse('toolConfig.functionCallingConfig.mode', `cannot be ${JSON.stringify(mode)}`);
    if (Array.isArray(allowed) && allowed.length === 1 && kind === 'any') {
        form.toolChoice = {kind: 'tool', name: allowed[0]};
        return;
    }
    form.toolChoice = {kind};
    if (Array.isArray(allowed) && allowed.length > 0) {
        form.tools = form.tools.filter((tool) => allowed.includes(tool.name));
    }
}

/**
 * @param {any} value
 * @param {Form} form
 * @param {string} place
 */
function readDeclaration(value, form, place) {
    const declared = camel(object(value, place));
    const {name, description, parameters, parametersJsonSchema} = declared;
    loseUnknown(form, declared, ['name', 'description', 'parameters', 'parametersJsonSchema'], `${place}.`);
    form.tools.push({
        name: text(name, `${place}.name`), ...description && {description},
        schema: parametersJsonSchema || (parameters && jsonSchema(parameters)) || {type: 'object', properties: {}},
    });
}
