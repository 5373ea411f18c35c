// @ts-check
// The content parts of Chat Completions.
import {list, object, text} from '../check.js';
import {dataOf} from '../media.js';
import {lose, loseUnknown, refuse} from '../form.js';

/** @typedef {import('../form.js').Form} Form */
/** @typedef {import('../form.js').Part} Part */

/**
 * @param {Form} form
 * @param {any} content
 * @param {string} place
 * @returns {Part[]}
 */
export function contentOf(form, content, place) {
    if (typeof content === 'string') {
        return [{kind: 'text', text: content}];
    }
    return list(content, `${place}.content`).map((part, at) => readPart(form, object(part, `${place}.content[${at}]`), `${place}.content[${at}]`));
}

/** @type {Record<string, (form: Form, part: any, place: string) => Part>} */
const PARTS = {
    text: (_form, part, place) => ({kind: 'text', text: text(part.text, `${place}.text`)}),
    refusal: (_form, part, place) => ({kind: 'text', text: text(part.refusal, `${place}.refusal`), refusal: true}),
    image_url(form, part, place) {
        const image = typeof part.image_url === 'string' ? {url: part.image_url} : object(part.image_url, `${place}.image_url`);
        loseUnknown(form, image, ['url', 'detail'], `${place}.image_url.`);
        return {...media('image', text(image.url, `${place}.image_url.url`)), ...(image.detail && {detail: image.detail}), place};
    },
    video_url: (_form, part, place) => ({...media('video', text(object(part.video_url, `${place}.video_url`).url, `${place}.video_url.url`)), place}),
    input_audio(form, part, place) {
        const {data, format} = object(part.input_audio, `${place}.input_audio`);
        loseUnknown(form, part.input_audio, ['data', 'format'], `${place}.input_audio.`);
        return {kind: 'audio', data: text(data, `${place}.input_audio.data`), mediaType: `audio/${format}`, place};
    },
    file(form, part, place) {
        const {file_id: id, file_data: data, filename: name} = object(part.file, `${place}.file`);
        if (id) {
            refuse(`${place}.file.file_id`, 'is known to one provider only: send file_data');
        }
        const read = dataOf(text(data, `${place}.file.file_data`));
        loseUnknown(form, part.file, ['file_data', 'filename'], `${place}.file.`);
        return {kind: 'document', ...(read || refuse(`${place}.file.file_data`, 'must be a data: URL')), ...(name && {name}), place};
    },
};

/**
 * @param {'image' | 'video'} kind
 * @param {string} url
 * @returns {import('../form.js').MediaPart}
 */
function media(kind, url) {
    return {kind, ...(dataOf(url) || {url})};
}

/**
 * @param {Form} form
 * @param {any} part
 * @param {string} place
 * @returns {Part}
 */
function readPart(form, part, place) {
    const read = Object.hasOwn(PARTS, part.type) ? PARTS[part.type] : refuse(`${place}.type`, `cannot be ${JSON.stringify(part.type)}`);
    loseUnknown(form, part, ['type', part.type, 'cache_control', 'prompt_cache_breakpoint'], `${place}.`);
    const value = read(form, part, place);
    const cache = part.cache_control || cacheOf(form, part.prompt_cache_breakpoint);
    return cache ? /** @type {Part} */ ({...value, cache}) : value;
}

/**
 * OpenAI's mark in Anthropic's words. How long OpenAI keeps it at least, others do not promise.
 *
 * @param {Form} form
 * @param {any} mark
 * @returns {object | undefined}
 */
function cacheOf(form, mark) {
    if (!mark) {
        return undefined;
    }
    form.names.cache = 'prompt_cache_breakpoint';
    if (mark.ttl) {
        lose(form, 'prompt_cache_breakpoint.ttl');
    }
    return {type: 'ephemeral'};
}
