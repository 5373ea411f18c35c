// @ts-check
import {madeId, objectOf} from '../media.js';
import {wrapped} from './signatures.js';
import {metadataOf, reasonOf, resultOf} from './words.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Part} Part
 */

/**
 * @param {import('../form.js').Answer} answer
 * @param {Form} form
 * @returns {object}
 */
export function writeAnswer(answer, form) {
    return {
        candidates: answer.choices.map((choice, index) => ({
            content: {parts: choice.parts.flatMap((part) => writePart(part, form)), role: 'model'}, finishReason: reasonOf(choice.stop), index,
            ...choice.logprobs && {logprobsResult: resultOf(choice.logprobs)},
        })),
        ...answer.usage && {usageMetadata: metadataOf(answer.usage)},
        modelVersion: answer.model || form.model,
        responseId: answer.id || madeId(''),
    };
}

/**
 * @param {Form} form
 * @returns {boolean} whether the client asked to see thoughts; their signatures it gets anyway
 */
export function shows(form) {
    return form.reasoning !== undefined && form.reasoning.summary !== undefined;
}

/**
 * @param {string} name
 * @param {string} id
 * @param {string} text of its arguments
 * @param {string} [signature]
 */
export function writeCall(name, id, text, signature) {
    return {functionCall: {id, name, args: objectOf(text) || {}}, ...signature && {thoughtSignature: wrapped(signature)}};
}

/**
 * @param {Part} part
 * @param {Form} form
 * @returns {object[]}
 */
function writePart(part, form) {
    switch (part.kind) {
        case 'text':
            return [{text: part.text}];
        case 'toolCall':
            return [writeCall(part.name, part.id, part.arguments, part.signature)];
        case 'thinking': {
            const signature = part.signature && {thoughtSignature: wrapped(part.signature, part.redacted)};
            return shows(form) || signature ? [{text: shows(form) ? part.text : '', thought: true, ...signature}] : [];
        }
        default:
            return [];
    }
}
