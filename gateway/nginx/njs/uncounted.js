// @ts-check
// Texts of an exchange whose usage the provider did not tell, for the sidecar to count: a minute in memory, nowhere else.
import {answerText} from './usage.js';

const MOST = 200_000; // characters of an exchange
const SPOKEN = ['messages', 'input', 'prompt', 'system', 'instructions', 'contents', 'systemInstruction', 'system_instruction'];
const TEXTS = ['content', 'text', 'input', 'prompt', 'system', 'instructions', 'arguments', 'output', 'parts', 'messages'];

const zone = ngx.shared.ostiary_uncounted;

/**
 * @param {NginxHTTPRequest} r
 * @param {string} id
 * @param {import('./usage.js').Reply} reply
 * @returns {boolean} whether there is something to count
 */
export function keepTexts(r, id, reply) {
    const answer = answerText(reply.head + reply.tail);
    if (answer === '' && r.variables.ostiary_path) {
        return false; // whatever it was, it need not have been a model's answer
    }
    const prompt = promptOf(r);
    const text = {
        i: prompt.slice(0, MOST),
        o: answer.slice(0, MOST),
        ob: reply.bytes,
        oc: reply.whole ? answer.length : Math.round(answer.length * reply.bytes / reply.kept),
    };
    try {
        zone.set(id, JSON.stringify(text));
        return true;
    } catch {
        return false; // it is too large even for an empty zone
    }
}

/**
 * @param {NginxHTTPRequest} r
 * @returns {string} empty where the body was not kept
 */
function promptOf(r) {
    try {
        const body = JSON.parse(r.requestText || '');
        /** @type {string[]} */
        const found = [];
        for (const name of SPOKEN) {
            gather(body[name], found);
        }
        return found.join('\n');
    } catch {
        return '';
    }
}

/**
 * @param {any} value
 * @param {string[]} into
 */
function gather(value, into) {
    if (typeof value === 'string') {
        into.push(value);
    } else if (Array.isArray(value)) {
        value.forEach((item) => gather(item, into));
    } else if (typeof value === 'object' && value !== null) {
        for (const name of TEXTS) {
            gather(value[name], into);
        }
    }
}
