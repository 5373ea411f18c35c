// @ts-check
// Messages as items of a Responses input.
import {lose, nameOf, refuse} from '../form.js';
import {itemOf} from './signatures.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Part} Part
 */

const WHERE = "has no counterpart in OpenAI's Responses";

/**
 * @param {Form} form
 * @returns {{instructions?: string, input: object[]}}
 */
export function writeInput(form) {
    const instructions = form.system.map((part) => /** @type {any} */ (spoken(form, part)).text).join('\n\n');
    const input = form.messages.flatMap((message) => {
        if (message.name) {
            lose(form, 'name');
        }
        return message.role === 'assistant' ? assistant(form, message.parts) : user(form, message.parts);
    });
    return {...instructions !== '' && {instructions}, input};
}

/**
 * Lists what is about a part and cannot be said.
 *
 * @template {Part} Kind
 * @param {Form} form
 * @param {Kind} part
 * @returns {Kind}
 */
function spoken(form, part) {
    if (part.kind !== 'thinking' && part.cache) {
        lose(form, 'cache');
    }
    if (part.kind === 'text' && part.citations && part.citations.length > 0) {
        lose(form, 'citations');
    }
    return part;
}

/**
 * @param {Form} form
 * @param {Part[]} parts
 * @returns {object[]}
 */
function assistant(form, parts) {
    return parts.flatMap((part) => /** @type {object[]} */ (said(form, spoken(form, part))));
}

/**
 * @param {Form} form
 * @param {Part} part
 * @returns {object[]}
 */
function said(form, part) {
    switch (part.kind) {
        case 'text':
            return part.text === '' ? [] : [{role: 'assistant', content: part.text}];
        case 'toolCall':
            return [{type: 'function_call', call_id: part.id, name: part.name, arguments: part.arguments || '{}'}];
        case 'thinking': {
            const item = itemOf(part.signature);
            if (item === undefined) {
                lose(form, 'thinking');
                return [];
            }
            return [{type: 'reasoning', summary: part.text === '' ? [] : [{type: 'summary_text', text: part.text}], ...item}];
        }
        default:
            return refuse(/** @type {any} */ (part).place || nameOf(form, 'messages'), `${WHERE} where the model says it`);
    }
}

/**
 * Results stand beside messages, not in them.
 *
 * @param {Form} form
 * @param {Part[]} parts
 * @returns {object[]}
 */
function user(form, parts) {
    const results = parts.flatMap((part) => (part.kind === 'toolResult' ? [result(form, spoken(form, part))] : []));
    const content = parts.flatMap((part) => (part.kind === 'toolResult' ? [] : [write(form, part)]));
    return content.length === 0 ? results : [...results, {role: 'user', content}];
}

/**
 * @param {Form} form
 * @param {import('../form.js').ToolResultPart} part
 */
function result(form, part) {
    /** @type {Part[]} */
    const parts = part.isError ? [{kind: 'text', text: 'Error:'}, ...part.parts] : part.parts;
    const output = parts.every(({kind}) => kind === 'text')
        ? parts.map((inner) => /** @type {any} */ (spoken(form, inner)).text).join(part.isError ? ' ' : '\n')
        : parts.map((inner) => write(form, inner));
    return {type: 'function_call_output', call_id: part.id, output};
}

/**
 * @param {Form} form
 * @param {Part} part
 * @returns {object}
 */
function write(form, part) {
    spoken(form, part);
    switch (part.kind) {
        case 'text':
            return {type: 'input_text', text: part.text};
        case 'image':
            return {type: 'input_image', image_url: part.url || `data:${part.mediaType};base64,${part.data}`, detail: part.detail || 'auto'};
        case 'document':
            return {type: 'input_file', ...file(part)};
        default:
            return refuse(/** @type {any} */ (part).place || nameOf(form, 'messages'), WHERE);
    }
}

/** @param {import('../form.js').MediaPart} part */
function file(part) {
    if (part.url !== undefined) {
        return {file_url: part.url, ...part.name && {filename: part.name}};
    }
    const [type, data] = part.text === undefined ? [part.mediaType || 'application/pdf', part.data]
        : ['text/plain', Buffer.from(part.text).toString('base64')];
    const ending = type === 'application/pdf' ? '.pdf' : '.txt';
    return {filename: part.name || `document${ending}`, file_data: `data:${type};base64,${data}`};
}
