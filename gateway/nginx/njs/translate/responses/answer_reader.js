// @ts-check
import {signatureOf} from './signatures.js';
import {readLogprobs, readUsage, stopOf} from './usage.js';

/** @typedef {import('../form.js').Part} Part */

/**
 * @param {any} value
 * @returns {import('../form.js').Answer}
 */
export function readAnswer(value) {
    if (value.status === 'failed') {
        throw new Error((value.error && value.error.message) || 'the provider failed');
    }
    const items = Array.isArray(value.output) ? value.output : [];
    /** @type {Part[]} */
    const parts = items.flatMap(readItem);
    const said = items.flatMap((/** @type {any} */ item) => item.content || []);
    const logprobs = said.flatMap((/** @type {any} */ part) => readLogprobs(part.logprobs) || []);
    const ended = {called: parts.some(({kind}) => kind === 'toolCall'), refused: parts.some((part) => part.kind === 'text' && part.refusal === true)};
    return {
        id: value.id || '', model: value.model || '', created: Math.floor(value.created_at || 0),
        choices: [{parts, stop: stopOf(value, ended), ...logprobs.length > 0 && {logprobs}}],
        usage: readUsage(value.usage),
        ...value.service_tier && {serviceTier: value.service_tier},
    };
}

/**
 * @param {any} item
 * @returns {Part[]}
 */
function readItem(item) {
    switch (item.type) {
        case 'message':
            return item.content.flatMap((/** @type {any} */ part) => {
                if (part.type === 'refusal') {
                    return [{kind: 'text', text: part.refusal, refusal: true}];
                }
                return part.type === 'output_text' && part.text !== '' ? [{kind: 'text', text: part.text}] : [];
            });
        case 'function_call':
            return [{kind: 'toolCall', id: item.call_id, name: item.name, arguments: item.arguments}];
        case 'custom_tool_call':
            return [{kind: 'toolCall', id: item.call_id, name: item.name, arguments: JSON.stringify({input: item.input})}];
        case 'reasoning': {
            const text = [...item.summary || [], ...item.content || []].map((one) => one.text).join('\n\n');
            const signature = signatureOf(item);
            return text === '' && signature === undefined ? [] : [{kind: 'thinking', text, ...signature && {signature}}];
        }
        default:
            return [];
    }
}
