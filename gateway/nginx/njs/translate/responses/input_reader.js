// @ts-check
// Items of a Responses input as messages.
import {list, object, text} from '../check.js';
import {lose, loseUnknown, refuse} from '../form.js';
import {dataOf, madeId} from '../media.js';
import {unwrapped} from './signatures.js';
import {addTools, fullName} from './tools.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Part} Part
 * @typedef {{form: Form, item: any, place: string, signature: {of?: string}}} Reading `signature` is of the call that comes next
 */

const NOWHERE = 'has no counterpart at this provider';

/**
 * @param {any} input
 * @param {Form} form
 */
export function readInput(input, form) {
    if (typeof input === 'string') {
        form.messages.push({role: 'user', parts: [{kind: 'text', text: input}]});
        return;
    }
    const signature = {};
    list(input, 'input').forEach((item, at) => {
        const place = `input[${at}]`;
        const type = object(item, place).type || 'message';
        const read = Object.hasOwn(ITEMS, type) ? ITEMS[type] : refuse(`${place}.type`, `cannot be ${JSON.stringify(type)}: it ${NOWHERE}`);
        read({form, item, place, signature});
    });
}

/** @type {Record<string, (reading: Reading) => void>} */
const ITEMS = {
    message({form, item, place}) {
        loseUnknown(form, item, ['type', 'id', 'status', 'role', 'content'], `${place}.`);
        const parts = contentOf(form, item.content, `${place}.content`);
        if (item.role === 'system' || item.role === 'developer') {
            if (form.messages.length > 0) {
                lose(form, `${place}.place`); // it is told before the conversation
            }
            form.system.push(...parts.map((part) => (part.kind === 'text' ? part : refuse(`${place}.content`, 'can be nothing but text'))));
        } else if (item.role === 'assistant') {
            say(form, ...parts);
        } else if (item.role === 'user') {
            form.messages.push({role: 'user', parts});
        } else {
            refuse(`${place}.role`, `cannot be ${JSON.stringify(item.role)}`);
        }
    },
    function_call({form, item, place, signature}) {
        loseUnknown(form, item, ['type', 'id', 'status', 'call_id', 'name', 'namespace', 'arguments'], `${place}.`);
        call(form, item, text(item.arguments, `${place}.arguments`), `${place}.arguments`, signature);
    },
    custom_tool_call({form, item, place, signature}) {
        loseUnknown(form, item, ['type', 'id', 'status', 'call_id', 'name', 'namespace', 'input'], `${place}.`);
        call(form, item, JSON.stringify({input: text(item.input, `${place}.input`)}), `${place}.input`, signature);
    },
    additional_tools({form, item, place}) {
        loseUnknown(form, item, ['type', 'id', 'role', 'tools'], `${place}.`);
        addTools(list(item.tools, `${place}.tools`), form, `${place}.tools`);
    },
    function_call_output: result,
    custom_tool_call_output: result,
    reasoning({form, item, place, signature}) {
        loseUnknown(form, item, ['type', 'id', 'status', 'summary', 'content', 'encrypted_content'], `${place}.`);
        const {call: following, ...proof} = unwrapped(item.encrypted_content);
        if (following !== undefined) {
            signature.of = following;
            return;
        }
        const said = [...list(item.summary || [], `${place}.summary`), ...list(item.content || [], `${place}.content`)];
        const thought = said.map((one) => text(object(one, place).text, `${place}.summary.text`)).join('\n\n');
        if (thought !== '' || proof.signature !== undefined) {
            say(form, {kind: 'thinking', text: thought, ...proof});
        }
    },
};

/**
 * What the model said in one turn is one message.
 *
 * @param {Form} form
 * @param {...Part} parts
 */
function say(form, ...parts) {
    const last = form.messages[form.messages.length - 1];
    if (last !== undefined && last.role === 'assistant') {
        last.parts.push(...parts);
    } else {
        form.messages.push({role: 'assistant', parts});
    }
}

/**
 * @param {Form} form
 * @param {any} item
 * @param {string} said
 * @param {string} place
 * @param {{of?: string}} signature
 */
function call(form, item, said, place, signature) {
    const id = item.call_id || item.id || madeId('call_');
    const name = fullName(item.namespace, text(item.name, `${place}.name`));
    say(form, {kind: 'toolCall', id, name, arguments: said, place, ...signature.of && {signature: signature.of}});
    delete signature.of;
}

/** @param {Reading} reading */
function result({form, item, place}) {
    loseUnknown(form, item, ['type', 'id', 'status', 'call_id', 'output', 'name', 'namespace'], `${place}.`);
    /** @type {Part} */
    const part = {
        kind: 'toolResult', id: text(item.call_id, `${place}.call_id`), parts: contentOf(form, item.output, `${place}.output`),
        place: `${place}.output`,
    };
    const last = form.messages[form.messages.length - 1];
    if (last !== undefined && last.role === 'user' && last.parts.length > 0 && last.parts.every(({kind}) => kind === 'toolResult')) {
        last.parts.push(part);
    } else {
        form.messages.push({role: 'user', parts: [part]});
    }
}

/**
 * @param {Form} form
 * @param {any} content
 * @param {string} place
 * @returns {Part[]}
 */
function contentOf(form, content, place) {
    if (typeof content === 'string') {
        return [{kind: 'text', text: content}];
    }
    return list(content, place).map((value, at) => {
        const inner = `${place}[${at}]`;
        const part = object(value, inner);
        const read = Object.hasOwn(PARTS, part.type) ? PARTS[part.type]
            : refuse(`${inner}.type`, `cannot be ${JSON.stringify(part.type)}: it ${NOWHERE}`);
        const cache = cacheOf(form, part.prompt_cache_breakpoint);
        return /** @type {Part} */ ({...read(form, part, inner), ...cache && {cache}});
    });
}

/** @type {Record<string, (form: Form, part: any, place: string) => Part>} */
const PARTS = {
    input_text: plain,
    output_text: plain,
    text: plain,
    summary_text: plain,
    refusal(form, part, place) {
        loseUnknown(form, part, ['type', 'refusal'], `${place}.`);
        return {kind: 'text', text: text(part.refusal, `${place}.refusal`), refusal: true};
    },
    input_image(form, part, place) {
        loseUnknown(form, part, ['type', 'image_url', 'file_id', 'detail', 'prompt_cache_breakpoint'], `${place}.`);
        known(part.file_id, `${place}.file_id`, 'image_url');
        const url = text(part.image_url, `${place}.image_url`);
        return {kind: 'image', ...dataOf(url) || {url}, ...part.detail && {detail: part.detail}, place};
    },
    input_file(form, part, place) {
        loseUnknown(form, part, ['type', 'file_data', 'file_url', 'file_id', 'filename', 'detail', 'prompt_cache_breakpoint'], `${place}.`);
        known(part.file_id, `${place}.file_id`, 'file_data');
        const named = {...part.filename && {name: part.filename}, ...part.detail && {detail: part.detail}, place};
        if (part.file_url) {
            return {kind: 'document', url: text(part.file_url, `${place}.file_url`), ...named};
        }
        const data = dataOf(text(part.file_data, `${place}.file_data`)) || refuse(`${place}.file_data`, 'must be a data: URL');
        return {kind: 'document', ...data, ...named};
    },
    input_audio(form, part, place) {
        const {data, format} = object(part.input_audio, `${place}.input_audio`);
        loseUnknown(form, part, ['type', 'input_audio'], `${place}.`);
        return {kind: 'audio', data: text(data, `${place}.input_audio.data`), mediaType: `audio/${format}`, place};
    },
};

/**
 * @param {Form} form
 * @param {any} part
 * @param {string} place
 * @returns {Part}
 */
function plain(form, part, place) {
    loseUnknown(form, part, ['type', 'text', 'annotations', 'logprobs', 'prompt_cache_breakpoint'], `${place}.`);
    if (Array.isArray(part.annotations) && part.annotations.length > 0) {
        lose(form, 'citations');
    }
    return {kind: 'text', text: text(part.text, `${place}.text`)};
}

/**
 * @param {any} id
 * @param {string} place
 * @param {string} instead
 */
function known(id, place, instead) {
    if (id) {
        refuse(place, `is known to one provider only: send ${instead}`);
    }
}

/**
 * OpenAI's mark in Anthropic's words.
 *
 * @param {Form} form
 * @param {any} mark
 * @returns {object | undefined}
 */
function cacheOf(form, mark) {
    if (!mark) {
        return undefined;
    }
    if (mark.ttl === '12h') {
        lose(form, 'prompt_cache_breakpoint.ttl');
    }
    return {type: 'ephemeral', ...mark.ttl && {ttl: '1h'}};
}
