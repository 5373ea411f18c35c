// @ts-check
// Requests of OpenAI's Embeddings.
import {take, text} from '../check.js';
import {loseUnknown, refuse} from '../form.js';

/**
 * @param {any} body
 * @param {import('../form.js').Form} form
 * @returns {import('../form.js').Form}
 */
export function readRequest(body, form) {
    const {input, dimensions, encoding_format: encoding = 'float'} = body;
    loseUnknown(form, body, ['model', 'input', 'dimensions', 'encoding_format', 'user']);
    take(form, body, [['user', 'user', 'string']]);
    if (dimensions !== undefined && dimensions !== null && typeof dimensions !== 'number') {
        refuse('dimensions', 'must be a number');
    }
    if (encoding !== null && encoding !== 'float' && encoding !== 'base64') {
        refuse('encoding_format', 'must be float or base64');
    }
    const inputs = (Array.isArray(input) ? input : [text(input, 'input')])
        .map((one) => typeof one === 'string' ? one : refuse('input', 'must be text at this provider, not tokens'));
    form.embed = {inputs, base64: encoding === 'base64', ...(typeof dimensions === 'number' && {dimensions})};
    return form;
}
