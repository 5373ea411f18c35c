// @ts-check

/**
 * @param {string | undefined} text
 * @returns {any} undefined if it is not JSON
 */
export function parsed(text) {
    try {
        return JSON.parse(text || '');
    } catch {
        return undefined;
    }
}
