// @ts-check
// Answers of OpenAI's Embeddings.

/**
 * @param {import('../form.js').Answer} answer
 * @param {import('../form.js').Form} form
 * @returns {object}
 */
export function writeAnswer({vectors = [], model, usage}, form) {
    const isPacked = form.embed !== undefined && form.embed.base64 === true;
    const tokens = usage === null ? 0 : usage.input;
    return {
        object: 'list', model: model || form.model, usage: {prompt_tokens: tokens, total_tokens: tokens},
        data: vectors.map((vector, index) => ({object: 'embedding', index, embedding: isPacked ? packed(vector) : vector})),
    };
}

/**
 * @param {number[]} vector
 * @returns {string} base64 of 32-bit numbers, little end first
 */
function packed(vector) {
    const view = new DataView(new ArrayBuffer(vector.length * 4));
    vector.forEach((number, at) => view.setFloat32(at * 4, number, true));
    return Buffer.from(view.buffer).toString('base64');
}
