// @ts-check
// What a request says of how much its answer may be, and of what it only refers to.

const PARTS = [
    'image', 'image_url', 'input_image', 'file', 'input_file', 'document', 'input_audio', 'file_data', 'fileData', 'inlineData', 'inline_data',
];
const HISTORIES = ['previous_response_id', 'conversation'];

/** Longer bodies are looked at in a subrequest, see managed.js. */
export const LONG_BODY = 8192;

/**
 * @param {string} bounds
 * @param {string} path
 * @returns {number} the maximum of output that the request names and the provider will heed, -1 if none
 */
export function asked(bounds, path) {
    const [name, most] = bounds.split(':');
    return most && heeded(name, path) ? +most : -1;
}

/**
 * @param {string} name
 * @param {string} path
 * @returns {boolean}
 */
export function heeded(name, path) {
    if (path.endsWith('/chat/completions')) {
        return name !== 'max_output_tokens';
    }
    if (path.endsWith('/responses')) {
        return name === 'max_output_tokens';
    }
    return name === 'max_tokens' || !(path.endsWith('/messages') || path.endsWith('/completions'));
}

/**
 * @param {string | undefined} text
 * @returns {number} how many parts of it say more than their bytes
 */
export function partsIn(text) {
    try {
        return parts(JSON.parse(text || ''));
    } catch {
        return 0; // nobody will understand it
    }
}

/**
 * @param {any} value
 * @returns {number}
 */
function parts(value) {
    if (typeof value !== 'object' || value === null) {
        return 0;
    }
    if (Array.isArray(value)) {
        return value.reduce((sum, item) => sum + parts(item), 0);
    }
    const names = Object.keys(value);
    const mine = PARTS.includes(value.type) || (value.type === undefined && names.some((name) => PARTS.includes(name)));
    const more = names.filter((name) => HISTORIES.includes(name) && value[name]).length;
    return (mine ? 1 : 0) + more + names.reduce((sum, name) => sum + parts(value[name]), 0);
}

/**
 * Whether a long body may give something by reference: in the map of $ostiary_refers nginx would copy it to lower case first.
 *
 * @param {NginxHTTPRequest} r
 */
export async function lookFor(r) {
    const reply = await r.subrequest('/_refers');
    r.variables.ostiary_long_refers = reply.status === 204 ? '1' : '';
}
