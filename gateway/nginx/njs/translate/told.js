// @ts-check
// What a translated answer took, by the provider's own word: for the outer location, which sees only what the client is shown.
import {numbers} from '../numbers.js';

const KEPT_MS = 3_600_000;

const zone = ngx.shared.ostiary_told;

/**
 * @typedef {object} Teller
 * @property {(event: import('./form.js').Event) => void} see
 * @property {(answer: import('./form.js').Answer) => void} answer
 * @property {() => string | null} news what there is to keep, null if nothing has changed
 * @property {string} id
 */

/**
 * @param {{id: string}} orders
 * @returns {Teller}
 */
export function teller({id}) {
    /** @type {object | null} */
    let first = null; // Anthropic's, of the beginning of a stream
    /** @type {object | null} */
    let newest = null;
    let stream = false;
    let model = '';
    let isNew = false;
    return {
        id,
        see(event) {
            if (event.type === 'start') {
                stream = true;
                model = event.model;
                first = event.usage ? numbers(event.usage.raw) : null;
                isNew = first !== null;
            } else if (event.type === 'usage') {
                stream = true;
                newest = numbers(event.usage.raw);
                isNew = true;
            }
        },
        answer(answer) {
            model = answer.model;
            newest = answer.usage && numbers(answer.usage.raw);
            isNew = newest !== null;
        },
        news() {
            if (!isNew) {
                return null;
            }
            isNew = false;
            return JSON.stringify({stream, model: model || null, usage: [first, newest].filter((usage) => usage !== null)});
        },
    };
}

/** @param {Teller} told */
export function keep(told) {
    const news = told.news();
    if (news !== null) {
        zone.set(told.id, news, KEPT_MS);
    }
}
