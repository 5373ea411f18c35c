// @ts-check

/**
 * @param {number} ms
 * @returns {string} as OpenAI writes it: 20ms, 1s, 6m0s, 1h0m0s
 */
export function duration(ms) {
    if (ms < 1000) {
        return `${Math.max(0, Math.ceil(ms))}ms`;
    }
    const all = Math.ceil(ms / 1000);
    const minutes = Math.floor(all / 60);
    const hours = Math.floor(minutes / 60);
    const seconds = `${all % 60}s`;
    return hours > 0 ? `${hours}h${minutes % 60}m${seconds}` : minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
