// @ts-check
// The content blocks of Anthropic's requests.
import {lose, plainId, refuse, signatureFor} from '../form.js';
import {objectOf} from '../media.js';

/** @typedef {import('../form.js').Form} Form */
/** @typedef {import('../form.js').Part} Part */

/**
 * @param {Form} form
 * @param {Part} part
 * @returns {any} nothing where Anthropic may be told nothing
 */
export function writePart(form, part) {
    const block = PARTS[part.kind](form, part);
    if (!('cache' in part) || !part.cache) {
        return block;
    }
    if (block) {
        block.cache_control = part.cache;
    } else {
        lose(form, 'cache');
    }
    return block;
}

/** @type {Record<Part['kind'], (form: Form, part: any) => any>} */
const PARTS = {
    text(form, part) {
        if (part.citations && part.citations.length > 0) {
            lose(form, 'citations');
        }
        return part.text.trim() === '' ? undefined : {type: 'text', text: part.text};
    },
    image(form, part) {
        if (part.detail && part.detail !== 'auto') {
            lose(form, 'detail');
        }
        return {type: 'image', source: sourceOf(part)};
    },
    document: (_form, part) => ({type: 'document', source: documentOf(part), ...(part.name && {title: part.name})}),
    audio: (_form, part) => refuse(part.place || 'messages', 'is audio, which Anthropic does not take'),
    video: (_form, part) => refuse(part.place || 'messages', 'is video, which Anthropic does not take'),
    toolCall: (_form, part) => ({
        type: 'tool_use', id: plainId(part.id), name: part.name,
        input: objectOf(part.arguments) || refuse(part.place || 'messages', 'must be a JSON object for Anthropic'),
    }),
    toolResult(form, part) {
        const content = part.parts.map((/** @type {Part} */ one) => writePart(form, one)).filter(Boolean);
        return {
            type: 'tool_result', tool_use_id: plainId(part.id), ...(content.length > 0 && {content}), ...(part.isError && {is_error: true}),
        };
    },
    thinking(form, part) {
        // a signature is good on all of Anthropic's platforms, Bedrock among them
        const signature = signatureFor('messages', part.signature) || signatureFor('converse', part.signature);
        if (!signature) {
            return void lose(form, 'thinking');
        }
        return part.redacted ? {type: 'redacted_thinking', data: signature} : {type: 'thinking', thinking: part.text, signature};
    },
};

/** @param {import('../form.js').MediaPart} part */
function sourceOf(part) {
    if (part.url !== undefined) {
        return {type: 'url', url: /^https?:/.test(part.url) ? part.url : refuse(part.place || 'messages', 'must be an http(s) or data: URL')};
    }
    const type = part.mediaType === 'image/jpg' ? 'image/jpeg' : part.mediaType;
    return {type: 'base64', media_type: type, data: part.data};
}

/** @param {import('../form.js').MediaPart} part */
function documentOf(part) {
    if (part.text !== undefined) {
        return {type: 'text', media_type: 'text/plain', data: part.text};
    }
    const type = part.mediaType || 'application/pdf';
    if (part.data !== undefined && /^(?:text\/|application\/json)/.test(type)) {
        return {type: 'text', media_type: 'text/plain', data: Buffer.from(part.data, 'base64').toString()};
    }
    if (part.url === undefined && type !== 'application/pdf') {
        refuse(part.place || 'messages', `is ${type}, and Anthropic reads PDF and text`);
    }
    return sourceOf({...part, mediaType: type});
}
