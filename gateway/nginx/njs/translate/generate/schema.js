// @ts-check
// Google's own schemas as JSON Schema, and field names in either of the two spellings that Google's servers take.

const NESTED = ['items', 'additionalProperties'];
const MAPS = ['properties', 'defs'];
const COUNTS = ['minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties'];

/**
 * @param {any} value
 * @returns {any} with the names of its own fields in camel case, if it is an object
 */
export function camel(value) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        return value;
    }
    /** @type {Record<string, any>} */
    const renamed = {};
    for (const name of Object.keys(value)) {
        renamed[name.replace(/([a-z])_([a-z])/g, (_all, before, after) => before + after.toUpperCase())] = value[name];
    }
    return renamed;
}

/**
 * @param {any} schema in Google's dialect of OpenAPI's: types in capitals, `nullable`, counts as text
 * @returns {any} as JSON Schema has it
 */
export function jsonSchema(schema) {
    if (typeof schema !== 'object' || schema === null) {
        return schema;
    }
    const {nullable, propertyOrdering: _order, example, type, ...rest} = camel(schema);
    /** @type {Record<string, any>} */
    const written = {};
    if (typeof type === 'string' && type !== 'TYPE_UNSPECIFIED') {
        written.type = nullable ? [type.toLowerCase(), 'null'] : type.toLowerCase();
    }
    for (const [name, value] of Object.entries(rest)) {
        if (NESTED.includes(name)) {
            written[name] = jsonSchema(value);
        } else if (MAPS.includes(name) && typeof value === 'object' && value !== null) {
            written[name === 'defs' ? '$defs' : name] = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonSchema(inner)]));
        } else if (name === 'anyOf' && Array.isArray(value)) {
            written.anyOf = [...value.map(jsonSchema), ...nullable && type === undefined ? [{type: 'null'}] : []];
        } else {
            written[name === 'ref' ? '$ref' : name] = COUNTS.includes(name) ? Number(value) : value;
        }
    }
    if (nullable && Array.isArray(written.enum) && !written.enum.includes(null)) {
        written.enum = [...written.enum, null];
    }
    return example === undefined ? written : {...written, examples: [example]};
}
