// @ts-check
// Answers of OpenAI's older Completions.
import {now} from '../form.js';
import {madeId} from '../media.js';
import {reasonOf} from '../chat/stops.js';
import {writeUsage} from '../chat/usage.js';

/**
 * @param {import('../form.js').Answer} answer
 * @param {import('../form.js').Form} form
 * @returns {object}
 */
export function writeAnswer(answer, form) {
    return {
        id: answer.id || madeId('cmpl-'), object: 'text_completion', created: answer.created || now(), model: answer.model || form.model,
        choices: answer.choices.map(({parts, stop, logprobs}, index) => ({
            index, text: parts.map((part) => part.kind === 'text' ? part.text : '').join(''), logprobs: writeLogprobs(logprobs, 0),
            finish_reason: reasonOf(stop === 'tool' ? 'stop' : stop),
        })),
        ...(answer.usage && {usage: writeUsage(answer.usage)}),
    };
}

/**
 * @param {import('../form.js').Logprob[] | undefined} logprobs
 * @param {number} offset of the first token in the text
 */
export function writeLogprobs(logprobs, offset) {
    if (logprobs === undefined) {
        return null;
    }
    let at = offset;
    return {
        tokens: logprobs.map(({token}) => token), token_logprobs: logprobs.map(({logprob}) => logprob),
        top_logprobs: logprobs.map(({top}) => Object.fromEntries(top.map(({token, logprob}) => [token, logprob]))),
        text_offset: logprobs.map(({token}) => (at += token.length) - token.length),
    };
}
