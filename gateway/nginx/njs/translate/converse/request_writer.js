// @ts-check
import {lose, loseOpenai, nameOf, refuse} from '../form.js';
import {narrow} from '../messages/schema.js';
import {cachePoint, familyOf, writePart} from './blocks.js';
import {writeModelFields} from './thinking.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Orders} Orders
 */

const WHERE = 'has no counterpart in Bedrock Converse';
const LABEL = /^[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}$/;
const TIERS = ['priority', 'default', 'flex', 'reserved'];
/** @type {readonly (keyof Form)[]} */
const LOST = ['seed', 'frequencyPenalty', 'presencePenalty', 'logitBias', 'user'];

/**
 * @param {Form} form
 * @param {Orders} orders
 * @returns {object}
 */
export function writeRequest(form, orders) {
    if (form.n !== undefined && form.n > 1) {
        refuse(nameOf(form, 'n'), 'must be 1: Bedrock Converse has one answer');
    }
    if (form.logprobs !== undefined) {
        refuse(nameOf(form, 'logprobs'), WHERE);
    }
    for (const field of LOST) {
        if (form[field] !== undefined) {
            lose(form, field);
        }
    }
    loseOpenai(form);
    const messages = turns(form);
    /** @type {Record<string, any>} */
    const more = {};
    /** @type {Record<string, any>} */
    const inference = {};
    if (form.maxTokens !== undefined) {
        inference.maxTokens = form.maxTokens;
    }
    if (form.stop && form.stop.length > 0) {
        inference.stopSequences = form.stop;
    }
    const output = outputConfig(form);
    writeModelFields(form, orders, {messages, inference, more, output});
    const system = form.system.flatMap((part) => writePart(form, part));
    const tools = toolConfig(form);
    const asksSequence = inference.stopSequences && familyOf(form.model) === 'claude';
    return {
        messages,
        ...system.length > 0 && {system},
        ...Object.keys(inference).length > 0 && {inferenceConfig: inference},
        ...tools && {toolConfig: tools},
        ...Object.keys(more).length > 0 && {additionalModelRequestFields: more},
        ...asksSequence && {additionalModelResponseFieldPaths: ['/stop_sequence']},
        ...Object.keys(output).length > 0 && {outputConfig: output},
        ...labels(form),
    };
}

/**
 * Messages by turns, a tool's results before what else its turn says.
 *
 * @param {Form} form
 * @returns {{role: string, content: any[]}[]}
 */
function turns(form) {
    /** @type {{role: string, content: any[]}[]} */
    const all = [];
    for (const message of form.messages) {
        if (message.name) {
            lose(form, 'name');
        }
        const content = message.parts.flatMap((part) => writePart(form, part));
        const last = all[all.length - 1];
        if (content.length === 0) {
            continue;
        }
        if (last && last.role === message.role) {
            last.content.push(...content);
        } else {
            all.push({role: message.role, content});
        }
    }
    for (const turn of all.filter(({content}) => content.some((block) => block.toolResult) && !content[0].toolResult)) {
        const results = turn.content.filter((block) => block.toolResult);
        turn.content = [...results, ...turn.content.filter((block) => !block.toolResult)];
    }
    for (const turn of all.filter(({content}) => content.some((block) => block.document) && !content.some((block) => block.text))) {
        turn.content.push({text: turn.content.find((block) => block.document).document.name}); // it needs a text beside it
    }
    if (all.length > 0 && all[0].role === 'assistant') {
        all.unshift({role: 'user', content: [{text: '.'}]}); // Bedrock wants the user to begin
        lose(form, `${nameOf(form, 'messages')}[0].place`);
    }
    const end = all[all.length - 1];
    const said = end && end.role === 'assistant' ? end.content[end.content.length - 1] : undefined;
    if (said && said.text) {
        said.text = said.text.trimEnd(); // what the model is to go on from must not end in white space
    }
    return all;
}

/** @param {Form} form */
function toolConfig(form) {
    const called = form.messages.flatMap(({parts}) => parts.flatMap((part) => (part.kind === 'toolCall' ? [part.name] : [])));
    const choice = form.toolChoice;
    if (choice && choice.kind === 'none') {
        if (called.length === 0) {
            return undefined; // a model without tools calls none
        }
        refuse(nameOf(form, 'toolChoice'), `none ${WHERE} once tools were called`);
    }
    if (form.parallelTools === false && form.tools.length > 0) {
        lose(form, 'parallelTools');
    }
    const tools = form.tools.flatMap((tool) => [
        {toolSpec: {
            name: tool.name, ...tool.description && {description: tool.description}, inputSchema: {json: schemaOf(form, tool)},
            ...tool.strict && {strict: true},
        }},
        ...cachePoint(form, tool.cache),
    ]);
    if (tools.length === 0) { // Bedrock wants a specification of whatever was called
        tools.push(...[...new Set(called)].map((name) => ({toolSpec: {name, inputSchema: {json: {type: 'object'}}}})));
    }
    const toolChoice = choice && (choice.kind === 'tool' ? {tool: {name: choice.name}} : {[choice.kind]: {}});
    return tools.length === 0 ? undefined : {tools, ...form.tools.length > 0 && toolChoice && {toolChoice}};
}

/**
 * @param {Form} form
 * @param {import('../form.js').Tool} tool
 */
function schemaOf(form, {schema, strict}) {
    const whole = {type: 'object', ...schema};
    return strict && familyOf(form.model) === 'claude' ? narrow(form, whole, nameOf(form, 'tools')) : whole;
}

/**
 * @param {Form} form
 * @returns {Record<string, any>}
 */
function outputConfig(form) {
    const format = form.format;
    if (format === undefined || format.kind === 'text') {
        return {};
    }
    if (format.kind === 'json') {
        refuse(nameOf(form, 'format'), `of any JSON ${WHERE}: give a schema`);
    }
    const {name, description, schema} = format;
    return {textFormat: {type: 'json_schema', structure: {jsonSchema: {
        schema: JSON.stringify(narrow(form, schema, nameOf(form, 'format'))), ...name && {name}, ...description && {description},
    }}}};
}

/**
 * @param {Form} form
 * @returns {object} service tier and metadata, as far as Bedrock has them
 */
function labels(form) {
    /** @type {Record<string, any>} */
    const written = {};
    if (form.serviceTier !== undefined) {
        if (TIERS.includes(form.serviceTier)) {
            written.serviceTier = {type: form.serviceTier};
        } else if (form.serviceTier !== 'auto') {
            lose(form, 'serviceTier');
        }
    }
    const pairs = Object.entries(form.metadata || {});
    if (pairs.length > 0 && pairs.length <= 16 && pairs.every((pair) => pair.every((text) => typeof text === 'string' && LABEL.test(text)))) {
        written.requestMetadata = form.metadata;
    } else if (pairs.length > 0) {
        lose(form, 'metadata');
    }
    return written;
}
