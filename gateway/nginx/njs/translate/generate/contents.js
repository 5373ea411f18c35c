// @ts-check
// Google's contents as messages.
import {list, object, text} from '../check.js';
import {lose, loseUnknown, refuse} from '../form.js';
import {camel} from './schema.js';
import {unwrapped} from './signatures.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Part} Part
 */

const FOREIGN = ['executableCode', 'codeExecutionResult', 'toolCall', 'toolResponse', 'audioTranscription'];
const HINTS = [
    'videoMetadata', 'mediaResolution', 'partMetadata', 'mediaProcessing', 'speechMetadata', 'documentMetadata', 'spreadsheetMetadata',
    'audioMetadata',
];
const KNOWN = ['text', 'thought', 'thoughtSignature', 'inlineData', 'fileData', 'functionCall', 'functionResponse', ...FOREIGN, ...HINTS];

/**
 * @param {any} instruction
 * @param {Form} form
 */
export function readSystem(instruction, form) {
    if (instruction === undefined || instruction === null) {
        return;
    }
    const parts = typeof instruction === 'string' ? [{text: instruction}] : object(instruction, 'systemInstruction').parts;
    for (const part of Array.isArray(parts) ? parts : [object(parts, 'systemInstruction.parts')]) {
        loseUnknown(form, part, ['text'], 'systemInstruction.parts.');
        form.system.push({kind: 'text', text: text(part.text, 'systemInstruction.parts.text')});
    }
}

/**
 * Calls need identifiers, which older models of Google's do without: a result belongs to the first open call of its name.
 *
 * @param {any} contents
 * @param {Form} form
 */
export function readContents(contents, form) {
    /** @type {{id: string, name: string}[]} */
    const open = [];
    let calls = 0;
    const all = typeof contents === 'string' ? [{parts: [{text: contents}]}] : Array.isArray(contents) ? contents : [object(contents, 'contents')];
    all.forEach((content, at) => {
        const {role, parts, ...rest} = camel(object(content, `contents[${at}]`));
        loseUnknown(form, rest, [], `contents[${at}].`);
        /** @type {Part[]} */
        const read = [];
        (Array.isArray(parts) ? parts : [object(parts, `contents[${at}].parts`)]).forEach((value, number) => {
            const place = `contents[${at}].parts[${number}]`;
            const part = camel(object(value, place));
            loseUnknown(form, part, KNOWN, `${place}.`);
            HINTS.filter((name) => part[name]).forEach((name) => lose(form, `${place}.${name}`));
            if (part.functionCall) {
                const call = camel(object(part.functionCall, `${place}.functionCall`));
                loseUnknown(form, call, ['id', 'name', 'args'], `${place}.functionCall.`);
                calls += 1;
                const id = call.id || `call_${calls}`;
                open.push({id, name: call.name});
                read.push({
                    kind: 'toolCall', id, name: text(call.name, `${place}.functionCall.name`), arguments: JSON.stringify(call.args || {}),
                    place: `${place}.functionCall.args`, ...unwrapped(part.thoughtSignature),
                });
            } else if (part.functionResponse) {
                read.push(readResponse(camel(object(part.functionResponse, `${place}.functionResponse`)), open, form, `${place}.functionResponse`));
            } else {
                add(read, readPart(part, place), role === 'model');
            }
            if (part.thoughtSignature && (unwrapped(part.thoughtSignature).signature === undefined || !(part.thought || part.functionCall))) {
                lose(form, `${place}.thoughtSignature`); // Google's own, which proves nothing to others
            }
        });
        form.messages.push({role: role === 'model' ? 'assistant' : 'user', parts: read});
    });
}

/**
 * What came as pieces of a stream and was sent back like that is one part again.
 *
 * @param {Part[]} parts
 * @param {Part} part
 * @param {boolean} streamed
 */
function add(parts, part, streamed) {
    const last = streamed ? parts[parts.length - 1] : undefined;
    if (last !== undefined && last.kind === 'text' && part.kind === 'text') {
        last.text += part.text;
    } else if (last !== undefined && last.kind === 'thinking' && part.kind === 'thinking' && last.signature === undefined && !part.redacted) {
        last.text += part.text;
        last.signature = part.signature;
    } else {
        parts.push(part);
    }
}

/**
 * @param {any} part
 * @param {string} place
 * @returns {Part}
 */
function readPart(part, place) {
    for (const name of FOREIGN) {
        if (part[name]) {
            refuse(`${place}.${name}`, 'has no counterpart at this provider');
        }
    }
    if (part.thought) {
        return {kind: 'thinking', text: part.text || '', ...unwrapped(part.thoughtSignature)};
    }
    if (part.inlineData || part.fileData) {
        return readMedia(camel(part.inlineData || part.fileData), `${place}.${part.inlineData ? 'inlineData' : 'fileData'}`);
    }
    return {kind: 'text', text: text(part.text, `${place}.text`)};
}

/**
 * @param {any} media
 * @param {string} place
 * @returns {import('../form.js').MediaPart}
 */
function readMedia(media, place) {
    const {data, fileUri, mimeType = '', displayName} = media;
    const major = String(mimeType).split('/')[0];
    const kind = major === 'image' || major === 'audio' || major === 'video' ? major : 'document';
    const rest = {...mimeType && {mediaType: mimeType}, ...displayName && {name: displayName}, place};
    if (data === undefined) {
        if (/\/\/generativelanguage\.googleapis\.com\//.test(text(fileUri, `${place}.fileUri`))) {
            refuse(`${place}.fileUri`, 'is known to Google only: send inlineData');
        }
        return {kind, url: fileUri, ...rest};
    }
    const base64 = text(data, `${place}.data`).replace(/-/g, '+').replace(/_/g, '/');
    return kind === 'document' && major === 'text' ? {kind, text: Buffer.from(base64, 'base64').toString(), ...rest} : {kind, data: base64, ...rest};
}

/**
 * @param {any} response
 * @param {{id: string, name: string}[]} open
 * @param {Form} form
 * @param {string} place
 * @returns {Part}
 */
function readResponse(response, open, form, place) {
    const name = text(response.name, `${place}.name`);
    loseUnknown(form, response, ['id', 'name', 'response', 'parts'], `${place}.`);
    const found = open.findIndex((call) => (response.id ? call.id === response.id : call.name === name));
    const id = found < 0 ? response.id || refuse(`${place}.name`, 'answers no functionCall') : open[found].id;
    open.splice(found, found < 0 ? 0 : 1);
    const said = object(response.response || {}, `${place}.response`);
    const [key, ...others] = Object.keys(said);
    const plain = others.length === 0 && ['result', 'output', 'error'].includes(key) && typeof said[key] === 'string';
    const parts = list(response.parts || [], `${place}.parts`).map((part, at) => {
        const {inlineData, fileData} = camel(part);
        return readMedia(camel(object(inlineData || fileData, `${place}.parts[${at}]`)), `${place}.parts[${at}]`);
    });
    return {
        kind: 'toolResult', id, name, parts: [{kind: 'text', text: plain ? said[key] : JSON.stringify(said)}, ...parts],
        place, ...key === 'error' && others.length === 0 && {isError: true},
    };
}
