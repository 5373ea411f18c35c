// @ts-check
// Whether a field of a request is of the kind that it must be. What is not is a 400 that names it.
import {refuse} from './form.js';

/**
 * @param {any} value
 * @param {string} place
 * @returns {any[]}
 */
export function list(value, place) {
    return Array.isArray(value) ? value : refuse(place, 'must be an array');
}

/**
 * @param {any} value
 * @param {string} place
 * @returns {Record<string, any>}
 */
export function object(value, place) {
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : refuse(place, 'must be an object');
}

/**
 * @param {any} value
 * @param {string} place
 * @returns {string}
 */
export function text(value, place) {
    return typeof value === 'string' ? value : refuse(place, 'must be a string');
}

/**
 * Fields that the form has as they are.
 *
 * @param {import('./form.js').Form} form
 * @param {Record<string, any>} body
 * @param {readonly string[][]} fields [the client's name, the form's, the type]
 */
export function take(form, body, fields) {
    for (const [name, field, type] of fields) {
        const value = body[name];
        if (value === undefined || value === null) {
            continue;
        }
        if (typeof value !== type || Array.isArray(value)) {
            refuse(name, `must be ${type === 'object' ? 'an' : 'a'} ${type}`);
        }
        /** @type {Record<string, any>} */ (form)[field] = value;
        form.names[field] = name;
    }
}
