// @ts-check
import {EFFORT_BUDGET, effortOf, lose, loseOpenai, nameOf, refuse} from '../form.js';
import {writeContents, writePart} from './parts.js';

/** @typedef {import('../form.js').Form} Form */

const MOST_STOPS = 5;
const MOST_BUDGET = 24576; // of the model that takes least
/** @type {readonly [keyof Form, string][]} */
const SIMPLE = [
    ['temperature', 'temperature'], ['topP', 'topP'], ['topK', 'topK'], ['n', 'candidateCount'], ['maxTokens', 'maxOutputTokens'],
    ['seed', 'seed'], ['frequencyPenalty', 'frequencyPenalty'], ['presencePenalty', 'presencePenalty'],
];
/** @type {readonly (keyof Form)[]} */
const LOST = ['logitBias', 'user', 'metadata'];
/** @type {Record<string, string>} */
const LEVELS = {none: 'MINIMAL', minimal: 'MINIMAL', low: 'LOW', medium: 'MEDIUM', high: 'HIGH', xhigh: 'HIGH', max: 'HIGH'};
/** @type {Record<string, string>} */
const TIERS = {flex: 'flex', priority: 'priority', default: 'standard'};

/**
 * @param {Form} form
 * @returns {object}
 */
export function writeRequest(form) {
    for (const field of LOST) {
        if (form[field] !== undefined) {
            lose(form, field);
        }
    }
    loseOpenai(form);
    const system = form.system.flatMap((part) => writePart(form, part));
    const tier = form.serviceTier && TIERS[form.serviceTier];
    if (form.serviceTier !== undefined && !tier && form.serviceTier !== 'auto') {
        lose(form, 'serviceTier');
    }
    const config = generationConfig(form);
    return {
        contents: writeContents(form),
        ...system.length > 0 && {systemInstruction: {parts: system}},
        ...toolsOf(form),
        ...Object.keys(config).length > 0 && {generationConfig: config},
        ...tier && {serviceTier: tier},
    };
}

/**
 * @param {Form} form
 * @returns {Record<string, any>}
 */
function generationConfig(form) {
    /** @type {Record<string, any>} */
    const config = {};
    for (const [field, name] of SIMPLE) {
        if (form[field] !== undefined) {
            config[name] = form[field];
        }
    }
    if (form.stop && form.stop.length > 0) {
        config.stopSequences = form.stop.length <= MOST_STOPS ? form.stop : refuse(nameOf(form, 'stop'), `may hold ${MOST_STOPS} at most`);
    }
    if (form.logprobs !== undefined) {
        config.responseLogprobs = true;
        if (form.logprobs > 0) {
            config.logprobs = form.logprobs;
        }
    }
    if (form.format && form.format.kind !== 'text') {
        config.responseMimeType = 'application/json';
        if (form.format.kind === 'schema') {
            config.responseJsonSchema = {...form.format.description && {description: form.format.description}, ...form.format.schema};
        }
    }
    const thinking = thinkingConfig(form);
    return thinking ? {...config, thinkingConfig: thinking} : config;
}

/**
 * From Gemini 3 on models take a word, before that a budget.
 *
 * @param {Form} form
 */
function thinkingConfig(form) {
    const reasoning = form.reasoning;
    if (reasoning === undefined) {
        return undefined;
    }
    const {budget, adaptive, summary} = reasoning;
    const effort = effortOf(reasoning);
    const generation = /gemini-(\d+)/.exec(form.model);
    const worded = generation !== null && Number(generation[1]) >= 3;
    const shown = effort !== 'none' && (summary !== undefined || form.dialect === 'messages' || form.dialect === 'chat');
    return {
        ...shown && {includeThoughts: true},
        ...effort === undefined ? adaptive && !worded && {thinkingBudget: -1}
            : worded ? {thinkingLevel: levelOf(form.model, effort)}
                : {thinkingBudget: budget === undefined ? Math.min(EFFORT_BUDGET[effort], MOST_BUDGET) : budget},
    };
}

/**
 * @param {string} model
 * @param {string} effort
 * @returns {string} of those that the model has: Pro has nothing below low, and the first of its generation nothing between low and high
 */
function levelOf(model, effort) {
    const level = LEVELS[effort];
    if (level === 'MINIMAL' && model.includes('-pro')) {
        return 'LOW';
    }
    return level === 'MEDIUM' && model.includes('gemini-3-pro') ? 'HIGH' : level;
}

/** @param {Form} form */
function toolsOf(form) {
    if (form.tools.length === 0) {
        return {};
    }
    if (form.parallelTools === false) {
        lose(form, 'parallelTools');
    }
    const functionDeclarations = form.tools.map((tool) => {
        if (tool.cache) {
            lose(form, 'cache');
        }
        if (tool.strict) {
            lose(form, `${nameOf(form, 'tools')}.strict`);
        }
        return {name: tool.name, ...tool.description && {description: tool.description}, parametersJsonSchema: tool.schema};
    });
    const choice = form.toolChoice;
    const modes = {auto: 'AUTO', none: 'NONE', any: 'ANY', tool: 'ANY'};
    return {
        tools: [{functionDeclarations}],
        ...choice && {toolConfig: {functionCallingConfig: {
            mode: modes[choice.kind], ...choice.kind === 'tool' && {allowedFunctionNames: [choice.name]},
        }}},
    };
}
