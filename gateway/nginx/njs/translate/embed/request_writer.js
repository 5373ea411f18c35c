// @ts-check
// Google's batchEmbedContents: one request for each text.
import {lose, loseOpenai, refuse} from '../form.js';

/**
 * @param {import('../form.js').Form} form
 * @returns {object}
 */
export function writeRequest(form) {
    if (form.embed === undefined) {
        return refuse('input', 'is missing');
    }
    if (form.user !== undefined) {
        lose(form, 'user');
    }
    loseOpenai(form);
    const {inputs, dimensions} = form.embed;
    const model = form.model.includes('/') ? form.model : `models/${form.model}`;
    return {requests: inputs.map((text) => ({
        model, content: {parts: [{text}]}, ...dimensions !== undefined && {outputDimensionality: dimensions},
    }))};
}
