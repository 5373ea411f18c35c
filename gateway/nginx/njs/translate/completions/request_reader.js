// @ts-check
// Requests of OpenAI's older Completions: the prompt is all that a user says.
import {list, object, take, text} from '../check.js';
import {loseUnknown, refuse} from '../form.js';

/** @typedef {import('../form.js').Form} Form */

const TAKEN = [
    ['max_tokens', 'maxTokens', 'number'], ['temperature', 'temperature', 'number'], ['top_p', 'topP', 'number'], ['seed', 'seed', 'number'],
    ['n', 'n', 'number'], ['frequency_penalty', 'frequencyPenalty', 'number'], ['presence_penalty', 'presencePenalty', 'number'],
    ['user', 'user', 'string'], ['logit_bias', 'logitBias', 'object'], ['logprobs', 'logprobs', 'number'], ['top_k', 'topK', 'number'],
];
const KNOWN = [...TAKEN.map(([name]) => name), 'model', 'prompt', 'stream', 'stream_options', 'stop', 'suffix', 'echo', 'best_of'];

/**
 * @param {any} body
 * @param {Form} form
 * @returns {Form}
 */
export function readRequest(body, form) {
    loseUnknown(form, body, KNOWN);
    if (body.suffix) {
        refuse('suffix', 'has no counterpart at this provider');
    }
    if (body.echo) {
        refuse('echo', 'has no counterpart at this provider');
    }
    if (body.best_of && body.best_of > (body.n || 1)) {
        refuse('best_of', 'has no counterpart at this provider');
    }
    take(form, body, TAKEN);
    if (body.stop !== undefined && body.stop !== null) {
        form.stop = typeof body.stop === 'string' ? [body.stop] : list(body.stop, 'stop').map((one) => text(one, 'stop'));
    }
    if (body.stream_options) {
        const options = object(body.stream_options, 'stream_options');
        form.askedUsage = options.include_usage === true;
        loseUnknown(form, options.include_obfuscation ? options : {...options, include_obfuscation: null}, ['include_usage'], 'stream_options.');
    }
    form.messages.push({role: 'user', parts: [{kind: 'text', text: promptOf(body.prompt)}]});
    return form;
}

/** @param {any} prompt */
function promptOf(prompt) {
    if (!Array.isArray(prompt)) {
        return text(prompt, 'prompt');
    }
    if (prompt.length !== 1) {
        refuse('prompt', 'must be one text at this provider, neither several nor tokens');
    }
    return text(prompt[0], 'prompt');
}
