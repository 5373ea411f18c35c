// @ts-check
import {usageOf} from '../generate/words.js';

/**
 * @param {any} value
 * @returns {import('../form.js').Answer}
 */
export function readAnswer(value) {
    const embeddings = Array.isArray(value.embeddings) ? value.embeddings : [];
    return {
        id: '', model: '', created: 0, choices: [], usage: usageOf(value.usageMetadata),
        vectors: embeddings.map((/** @type {any} */ one) => one.values || []),
    };
}
