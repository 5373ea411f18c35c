// @ts-check
// Messages as Google's contents.
import {lose, nameOf, refuse} from '../form.js';
import {objectOf} from '../media.js';
import {own} from './signatures.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Part} Part
 * @typedef {import('../form.js').ToolResultPart} ToolResultPart
 */

// What Google's documentation says to send where a call was not Gemini's own, or its signature did not come back.
const UNSIGNED = {thoughtSignature: 'skip_thought_signature_validator'};
/** @type {Record<string, string>} */
const TYPES = {
    png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', webp: 'image/webp', heic: 'image/heic', heif: 'image/heif', gif: 'image/gif',
    pdf: 'application/pdf', txt: 'text/plain', md: 'text/markdown', csv: 'text/csv', html: 'text/html', mp4: 'video/mp4',
    mov: 'video/quicktime', webm: 'video/webm', mp3: 'audio/mp3', wav: 'audio/wav', ogg: 'audio/ogg', flac: 'audio/flac',
};
/** @type {Record<string, string>} */
const SPOKEN = {image: 'image/jpeg', document: 'application/pdf'};

/**
 * Turns of one role are one, but a tool's results stand alone.
 *
 * @param {Form} form
 * @returns {{role: string, parts: any[]}[]}
 */
export function writeContents(form) {
    /** @type {{role: string, parts: any[]}[]} */
    const contents = [];
    /** @type {Map<string, string>} */
    const names = new Map();
    for (const message of form.messages) {
        if (message.name) {
            lose(form, 'name');
        }
        const parts = message.parts.flatMap((part) => writePart(form, part, names));
        push(contents, 'user', parts.filter((part) => part.functionResponse));
        push(contents, message.role === 'assistant' ? 'model' : 'user', signed(form, parts.filter((part) => !part.functionResponse)));
    }
    return contents;
}

/**
 * @param {{role: string, parts: any[]}[]} contents
 * @param {string} role
 * @param {any[]} parts
 */
function push(contents, role, parts) {
    const last = contents[contents.length - 1];
    if (parts.length === 0) {
        return;
    }
    if (last && last.role === role && Boolean(last.parts[0].functionResponse) === Boolean(parts[0].functionResponse)) {
        last.parts.push(...parts);
    } else {
        contents.push({role, parts});
    }
}

/**
 * From Gemini 3 on the first call of a turn must have a signature.
 *
 * @param {Form} form
 * @param {any[]} parts
 */
function signed(form, parts) {
    const at = parts.findIndex((part) => part.functionCall);
    if (at >= 0 && !parts[at].thoughtSignature && /gemini-(?:[3-9]|\d\d)/.test(form.model)) {
        parts[at] = {...parts[at], ...UNSIGNED};
    }
    return parts;
}

/**
 * @param {Form} form
 * @param {Part} part
 * @param {Map<string, string>} [names] of calls by their ids
 * @returns {any[]}
 */
export function writePart(form, part, names = new Map()) {
    if (part.kind !== 'thinking' && part.cache) {
        lose(form, 'cache');
    }
    switch (part.kind) {
        case 'toolResult':
            return [writeResult(form, part, names)];
        case 'text':
            if (part.citations && part.citations.length > 0) {
                lose(form, 'citations');
            }
            return part.text === '' ? [] : [{text: part.text}];
        case 'toolCall': {
            names.set(part.id, part.name);
            const args = objectOf(part.arguments) || refuse(part.place || nameOf(form, 'messages'), 'must be a JSON object');
            return [{functionCall: {id: part.id, name: part.name, args}, ...own(part.signature)}];
        }
        case 'thinking': {
            const signature = own(part.signature);
            if (signature.thoughtSignature === undefined) {
                lose(form, 'thinking');
                return [];
            }
            return [{text: part.text, thought: true, ...signature}];
        }
        default:
            return [media(form, part)];
    }
}

/**
 * @param {Form} form
 * @param {import('../form.js').MediaPart} part
 */
function media(form, part) {
    if (part.detail && part.detail !== 'auto') {
        lose(form, 'detail');
    }
    if (part.name) {
        lose(form, 'filename');
    }
    const ending = /\.([a-z0-9]+)(?:[?#].*)?$/i.exec(part.url || part.name || '');
    const guessed = ending === null ? undefined : TYPES[ending[1].toLowerCase()];
    const mimeType = (part.text === undefined ? part.mediaType : 'text/plain') || guessed || SPOKEN[part.kind]
        || refuse(part.place || nameOf(form, 'messages'), 'has no media type');
    if (part.url !== undefined) {
        return {fileData: {mimeType, fileUri: part.url}};
    }
    const data = part.text === undefined ? part.data : Buffer.from(part.text).toString('base64');
    return {inlineData: {mimeType, data}};
}

/**
 * @param {Form} form
 * @param {ToolResultPart} part
 * @param {Map<string, string>} names
 */
function writeResult(form, part, names) {
    const name = part.name || names.get(part.id) || refuse(part.place || nameOf(form, 'messages'), 'answers no tool call of this conversation');
    const said = part.parts.flatMap((inner) => (inner.kind === 'text' ? [inner.text] : [])).join('\n');
    const seen = part.parts.flatMap((inner) => {
        switch (inner.kind) {
            case 'image': case 'document': case 'audio': case 'video':
                return [media(form, inner)];
            default:
                return [];
        }
    });
    const response = part.isError ? {error: said} : (said.trimStart().startsWith('{') && objectOf(said)) || {result: said};
    return {functionResponse: {id: part.id, name, response, ...seen.length > 0 && {parts: seen}}};
}
