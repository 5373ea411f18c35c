// @ts-check
// Nothing but numbers leaves a usage object: names of a provider's own could hold anything.

const KINDS = ['TEXT', 'IMAGE', 'AUDIO', 'VIDEO', 'DOCUMENT', '5m', '1h'];

/**
 * Nothing but the numbers of a usage object.
 *
 * @param {any} value
 * @returns {object | null} null if there is none
 */
export function numbers(value) {
    if (typeof value !== 'object' || value === null) {
        return null;
    }
    if (Array.isArray(value)) {
        return kinds(value);
    }
    /** @type {Record<string, any>} */
    const kept = {};
    let any = false;
    for (const name of Object.keys(value)) {
        const leaf = typeof value[name] === 'number' ? value[name] : numbers(value[name]);
        if (leaf !== null) {
            kept[name] = leaf;
            any = true;
        }
    }
    return any ? kept : null;
}

/**
 * Lists of counts, each with its kind: Google's by modality, Bedrock's by the life in a cache.
 *
 * @param {any[]} list
 * @returns {object | null}
 */
function kinds(list) {
    /** @type {Record<string, number>} */
    const kept = {};
    for (const item of list) {
        const {modality, tokenCount, ttl, inputTokens} = typeof item === 'object' && item !== null ? item : /** @type {any} */ ({});
        const kind = modality || ttl;
        const count = modality ? tokenCount : inputTokens;
        if (KINDS.includes(kind) && typeof count === 'number') {
            kept[kind] = count;
        }
    }
    return Object.keys(kept).length > 0 ? kept : null;
}
