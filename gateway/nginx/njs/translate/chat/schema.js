// @ts-check
// Whether OpenAI can hold an answer to a JSON schema: all objects closed, all their properties required.

/**
 * @param {any} schema
 * @returns {boolean}
 */
export function isStrict(schema) {
    if (typeof schema !== 'object' || schema === null) {
        return true;
    }
    if (schema.type === 'object') {
        const required = schema.required || [];
        if (schema.additionalProperties !== false || !Object.keys(schema.properties || {}).every((name) => required.includes(name))) {
            return false;
        }
    }
    return Object.entries(schema).every(([name, value]) => name === 'properties' || name === '$defs' || name === 'definitions'
        ? Object.values(value).every(isStrict) : name === 'enum' || name === 'const' || name === 'default' || isStrict(value));
}
