// @ts-check
// The content blocks of Anthropic's requests.
import {list, object, text} from '../check.js';
import {lose, loseUnknown, refuse} from '../form.js';

/** @typedef {import('../form.js').Form} Form */
/** @typedef {import('../form.js').Part} Part */

const ROLES = {tool_use: 'assistant', thinking: 'assistant', redacted_thinking: 'assistant', tool_result: 'user'};
// A signature that belongs to a call, where Anthropic has no field for one: a redacted thought before it.
export const CALL_MARK = 'call.';

/** @type {Record<string, string[]>} the fields of each kind of block that are read */
const FIELDS = {
    text: ['text', 'citations'], image: ['source'], document: ['source', 'title', 'context', 'citations'],
    search_result: ['source', 'title', 'content', 'citations'], thinking: ['thinking', 'signature'], redacted_thinking: ['data'],
    tool_use: ['id', 'name', 'input', 'caller'], tool_result: ['tool_use_id', 'content', 'is_error'],
};

/**
 * @param {Form} form
 * @param {any} content
 * @param {string} place
 * @param {string} [role] whose message it is
 * @returns {Part[]}
 */
export function contentOf(form, content, place, role) {
    if (typeof content === 'string') {
        return content === '' ? [] : [{kind: 'text', text: content}];
    }
    /** @type {Part[]} */
    const parts = [];
    let signature = '';
    list(content, place).forEach((block, at) => {
        const here = `${place}[${at}]`;
        if (object(block, here).type === 'redacted_thinking' && text(block.data, `${here}.data`).startsWith(CALL_MARK)) {
            signature = block.data.slice(CALL_MARK.length);
            return;
        }
        const read = Object.hasOwn(BLOCKS, block.type) ? BLOCKS[block.type] : refuse(`${here}.type`, `cannot be ${JSON.stringify(block.type)} at this provider`);
        const wanted = /** @type {Record<string, string>} */ (ROLES)[block.type];
        if (wanted !== undefined && wanted !== role) {
            refuse(`${here}.type`, `can be ${JSON.stringify(block.type)} only in a message of the ${wanted}`);
        }
        loseUnknown(form, block, ['type', 'cache_control', ...FIELDS[block.type]], `messages.${block.type}.`);
        for (const part of read(form, block, here)) {
            if (block.cache_control && part.kind !== 'thinking') {
                part.cache = block.cache_control;
            }
            if (part.kind === 'toolCall' && signature !== '') {
                part.signature = signature;
                signature = '';
            }
            parts.push(part);
        }
    });
    return parts;
}

/** @type {Record<string, (form: Form, block: any, place: string) => Part[]>} */
const BLOCKS = {
    text(form, block, place) {
        if (block.citations && block.citations.length > 0) {
            lose(form, 'citations'); // the model is shown what was said, and not whence
        }
        return [{kind: 'text', text: text(block.text, `${place}.text`)}];
    },
    image: (_form, block, place) => [{kind: 'image', ...sourceOf(block.source, `${place}.source`), place}],
    document(form, block, place) {
        const {source, title, context, citations} = block;
        if (citations && citations.enabled) {
            lose(form, 'citations');
        }
        /** @type {Part[]} */
        const before = context ? [{kind: 'text', text: context}] : [];
        if (object(source, `${place}.source`).type === 'content') {
            const heading = title ? [{kind: /** @type {const} */ ('text'), text: title}] : [];
            return [...before, ...heading, ...contentOf(form, source.content, `${place}.source.content`)];
        }
        return [...before, {kind: 'document', ...sourceOf(source, `${place}.source`), ...(title && {name: title}), place}];
    },
    search_result(form, block, place) {
        if (block.citations && block.citations.enabled) {
            lose(form, 'citations');
        }
        return [{kind: 'text', text: `${block.title}\n${block.source}`}, ...contentOf(form, block.content, `${place}.content`)];
    },
    thinking: (_form, block, place) => [
        {kind: 'thinking', text: text(block.thinking, `${place}.thinking`), ...(block.signature && {signature: block.signature})},
    ],
    redacted_thinking: (_form, block) => [{kind: 'thinking', text: '', signature: block.data, redacted: true}],
    tool_use(form, block, place) {
        if (block.caller && block.caller.type !== 'direct') {
            lose(form, 'messages.tool_use.caller');
        }
        return [{
            kind: 'toolCall', id: text(block.id, `${place}.id`), name: text(block.name, `${place}.name`),
            arguments: JSON.stringify(object(block.input, `${place}.input`)), place: `${place}.input`,
        }];
    },
    tool_result: (form, block, place) => [{
        kind: 'toolResult', id: text(block.tool_use_id, `${place}.tool_use_id`), ...(block.is_error && {isError: true}), place: `${place}.content`,
        parts: block.content === undefined || block.content === null ? [] : contentOf(form, block.content, `${place}.content`),
    }],
};

/**
 * @param {any} source
 * @param {string} place
 * @returns {{url: string} | {text: string, mediaType: string} | {data: string, mediaType: string}}
 */
function sourceOf(source, place) {
    switch (object(source, place).type) {
    case 'base64':
        return {data: text(source.data, `${place}.data`), mediaType: text(source.media_type, `${place}.media_type`)};
    case 'url':
        return {url: text(source.url, `${place}.url`)};
    case 'text':
        return {text: text(source.data, `${place}.data`), mediaType: 'text/plain'};
    case 'file':
        return refuse(`${place}.file_id`, 'is known to one provider only: send the data');
    default:
        return refuse(`${place}.type`, `cannot be ${JSON.stringify(source.type)}`);
    }
}
