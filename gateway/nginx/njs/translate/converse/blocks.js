// @ts-check
// Parts of messages as Bedrock's content blocks.
import {lose, nameOf, plainId, refuse, signatureFor} from '../form.js';
import {objectOf} from '../media.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Part} Part
 * @typedef {import('../form.js').MediaPart} MediaPart
 */

const WHERE = 'has no counterpart in Bedrock Converse';
/** @type {Record<string, Record<string, string>>} formats by media type, where they are not its second half */
const FORMATS = {
    image: {jpg: 'jpeg'},
    document: {
        'plain': 'txt', 'markdown': 'md', 'x-markdown': 'md', 'msword': 'doc', 'vnd.ms-excel': 'xls',
        'vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
        'vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
    },
    audio: {'x-wav': 'wav', 'wave': 'wav', 'x-m4a': 'm4a', 'x-flac': 'flac'},
    video: {'quicktime': 'mov', 'x-matroska': 'mkv', 'x-flv': 'flv', 'x-ms-wmv': 'wmv', '3gpp': 'three_gp'},
};
/** @type {Record<string, string[]>} what botocore's model of the API names */
const KNOWN = {
    image: ['png', 'jpeg', 'gif', 'webp'],
    document: ['pdf', 'csv', 'doc', 'docx', 'xls', 'xlsx', 'html', 'txt', 'md'],
    audio: ['mp3', 'opus', 'wav', 'aac', 'flac', 'mp4', 'ogg', 'mkv', 'mka', 'x-aac', 'm4a', 'mpeg', 'mpga', 'pcm', 'webm'],
    video: ['mkv', 'mov', 'mp4', 'webm', 'flv', 'mpeg', 'mpg', 'wmv', 'three_gp'],
};

/**
 * Which features beyond Converse's own a model has, by its name: Anthropic's and Amazon's are told from the rest.
 *
 * @param {string} model
 * @returns {'claude' | 'nova' | 'openai' | ''}
 */
export function familyOf(model) {
    const found = /claude|anthropic|nova|openai/.exec(model);
    return found === null ? '' : found[0] === 'anthropic' ? 'claude' : /** @type {any} */ (found[0]);
}

/**
 * @param {Form} form
 * @param {object | undefined} cache
 * @returns {object[]} the mark that ends what is cached
 */
export function cachePoint(form, cache) {
    if (cache === undefined) {
        return [];
    }
    if (!['claude', 'nova'].includes(familyOf(form.model))) {
        lose(form, 'cache');
        return [];
    }
    const ttl = /** @type {any} */ (cache).ttl;
    return [{cachePoint: {type: 'default', ...ttl === '1h' && {ttl}}}];
}

/**
 * @param {Form} form
 * @param {Part} part
 * @returns {object[]}
 */
export function writePart(form, part) {
    switch (part.kind) {
        case 'text':
            if (part.citations && part.citations.length > 0) {
                lose(form, 'citations');
            }
            return part.text.trim() === '' ? [] : [{text: part.text}, ...cachePoint(form, part.cache)];
        case 'toolCall':
            return [{toolUse: {toolUseId: plainId(part.id), name: part.name, input: input(form, part)}}, ...cachePoint(form, part.cache)];
        case 'toolResult':
            return [{toolResult: {
                toolUseId: plainId(part.id), content: part.parts.flatMap((inner) => result(form, inner)),
                ...part.isError && {status: 'error'},
            }}, ...cachePoint(form, part.cache)];
        case 'thinking':
            return thought(form, part);
        default:
            return [{[part.kind]: media(form, part)}, ...cachePoint(form, part.cache)];
    }
}

/**
 * @param {Form} form
 * @param {import('../form.js').ToolCallPart} call
 */
function input(form, call) {
    return objectOf(call.arguments) || refuse(placeOf(form, call), 'must be a JSON object');
}

/**
 * @param {Form} form
 * @param {{place?: string}} part
 */
function placeOf(form, part) {
    return part.place || nameOf(form, 'messages');
}

/**
 * @param {Form} form
 * @param {Part} part
 * @returns {object[]}
 */
function result(form, part) {
    if (part.kind === 'audio' || part.kind === 'toolCall' || part.kind === 'toolResult' || part.kind === 'thinking') {
        return refuse(placeOf(form, /** @type {any} */ (part)), `is ${part.kind} in a tool's result, which ${WHERE}`);
    }
    return writePart(form, part);
}

/**
 * @param {Form} form
 * @param {import('../form.js').ThinkingPart} part
 * @returns {object[]}
 */
function thought(form, part) {
    let signature = signatureFor('converse', part.signature);
    const native = form.dialect === 'messages' && familyOf(form.model) === 'claude';
    if (native && part.signature && !part.signature.startsWith('ostiary.')) {
        signature = part.signature; // Anthropic's signatures hold wherever its models run
    }
    if (signature === undefined) {
        lose(form, 'thinking');
        return [];
    }
    return [{reasoningContent: part.redacted ? {redactedContent: signature} : {reasoningText: {text: part.text, signature}}}];
}

/**
 * @param {Form} form
 * @param {MediaPart} part
 */
function media(form, part) {
    const name = (part.mediaType || '').split(/[/;]/)[1] || '';
    const guessed = part.text !== undefined ? 'txt' : name || suffix(part.url || part.name || '');
    const format = FORMATS[part.kind][guessed] || guessed;
    const place = placeOf(form, part);
    if (!KNOWN[part.kind].includes(format)) {
        return refuse(place, `is of type ${part.mediaType || 'unknown'}, which ${WHERE}`);
    }
    if (part.detail && part.detail !== 'auto') {
        lose(form, 'detail');
    }
    const source = part.data !== undefined ? {bytes: part.data}
        : part.text !== undefined ? {bytes: Buffer.from(part.text).toString('base64')}
            : part.url !== undefined && part.url.startsWith('s3://') ? {s3Location: {uri: part.url}}
                : refuse(place, 'is a URL, which Bedrock Converse does not fetch: send the data');
    return {format, ...part.kind === 'document' && {name: title(part.name)}, source};
}

/** @param {string} path */
function suffix(path) {
    const found = /\.([a-z0-9]+)(?:[?#].*)?$/i.exec(path);
    return found === null ? '' : found[1].toLowerCase();
}

/** @param {string | undefined} name of a document: letters, digits, single spaces, hyphens, parentheses and brackets only */
function title(name) {
    return (name || '').replace(/\.[a-z0-9]{1,5}$/i, '').replace(/[^a-zA-Z0-9\-()[\]]+/g, ' ').trim().slice(0, 200) || 'document';
}
