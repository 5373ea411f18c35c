// @ts-check
// JSON schemas as Anthropic holds answers to them: closed objects and a part of the keywords. What is left over goes into
// the description, as Anthropic's own SDKs do it, and is listed.
import {lose, refuse} from '../form.js';

const KEPT = [
    '$ref', '$schema', '$id', 'type', 'enum', 'const', 'title', 'description', 'default', 'required', 'properties', 'items', 'anyOf', 'allOf',
    '$defs', 'definitions', 'format', 'minItems', 'additionalProperties',
];
const FORMATS = ['date-time', 'time', 'date', 'duration', 'email', 'hostname', 'uri', 'ipv4', 'ipv6', 'uuid'];

/**
 * @param {import('../form.js').Form} form
 * @param {any} schema
 * @param {string} place by the client's name
 * @returns {any}
 */
export function narrow(form, schema, place) {
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
        return schema;
    }
    /** @type {Record<string, any>} */
    const kept = {};
    const left = [];
    for (const [name, value] of Object.entries(schema)) {
        if (name === 'properties' || name === '$defs' || name === 'definitions') {
            kept[name] = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, narrow(form, inner, place)]));
        } else if (name === 'anyOf' || name === 'allOf' || name === 'oneOf') {
            kept[name === 'oneOf' ? 'anyOf' : name] = value.map((/** @type {any} */ inner) => narrow(form, inner, place));
        } else if (name === 'items') {
            kept.items = narrow(form, value, place);
        } else if (isKept(name, value)) {
            kept[name] = value;
        } else {
            left.push(`${name}: ${JSON.stringify(value)}`);
            lose(form, `${place}.${name}`);
        }
    }
    if (schema.type === 'object') {
        if (typeof schema.additionalProperties === 'object' && schema.additionalProperties !== null) {
            refuse(`${place}.additionalProperties`, 'can be nothing but false for Anthropic');
        }
        kept.additionalProperties = false;
    }
    if (left.length > 0) {
        kept.description = `${kept.description ? `${kept.description}\n\n` : ''}{${left.join(', ')}}`;
    }
    return kept;
}

/**
 * @param {string} name
 * @param {any} value
 */
function isKept(name, value) {
    return KEPT.includes(name) && !(name === 'format' && !FORMATS.includes(value)) && !(name === 'minItems' && value > 1);
}
