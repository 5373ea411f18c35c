// @ts-check
import {madeId} from '../media.js';
import {callItem, headOf, messageItem, reasoningItem, refusalPart, responseOf, shows, textPart} from './items.js';
import {statusOf, writeLogprobs} from './usage.js';

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
    const [choice = {parts: [], stop: /** @type {const} */ ('stop')}] = answer.choices;
    const end = statusOf(choice.stop);
    /** @type {any[]} */
    const output = [];
    let logprobs = 'logprobs' in choice ? choice.logprobs : undefined;
    for (const part of choice.parts) {
        const last = output[output.length - 1];
        if (part.kind === 'text') {
            const content = part.refusal ? refusalPart(part.text) : textPart(part.text, writeLogprobs(logprobs));
            logprobs = undefined;
            if (last && last.type === 'message') {
                last.content.push(content);
            } else {
                output.push(messageItem(madeId('msg_'), [content], end.status));
            }
        } else if (part.kind === 'toolCall') {
            if (part.signature) {
                output.push(reasoningItem(madeId('rs_'), '', {signature: part.signature, call: true}, 'completed'));
            }
            output.push(callItem(form, madeId('fc_'), part, 'completed'));
        } else if (part.kind === 'thinking' && (part.signature || shows(form))) {
            output.push(reasoningItem(madeId('rs_'), shows(form) ? part.text : '', part, 'completed'));
        }
    }
    return responseOf(headOf(form, answer), {...end, output, usage: answer.usage});
}
