// @ts-check
// Tools of the Responses dialect. Others know functions alone: a custom tool, whose input is a text of any form, goes to them as a
// function of one argument, and those of a namespace with its name before theirs. Calls come back as the client knows them.
import {list, object, text} from '../check.js';
import {lose, loseUnknown, refuse} from '../form.js';
import {objectOf} from '../media.js';

/** @typedef {import('../form.js').Form} Form */

const NOWHERE = 'has no counterpart at this provider';
const CUSTOM = {type: 'object', properties: {input: {type: 'string'}}, required: ['input'], additionalProperties: false};
const SHARED = ['type', 'name', 'description', 'defer_loading', 'allowed_callers', 'output_schema', 'async'];
const HINTS = ['defer_loading', 'allowed_callers', 'output_schema', 'async'];
/** What agents offer beside their own tools, whatever the provider: a model that is not offered it uses the others. */
const OFFERED = /^(?:web_search|image_generation|tool_search)/;
const LONGEST = 64;

/**
 * @param {any} body
 * @param {Form} form
 */
export function readTools(body, form) {
    addTools(list(body.tools || [], 'tools'), form, 'tools');
    const choice = body.tool_choice;
    if (choice === undefined || choice === null) {
        return;
    }
    if (choice === 'none' || choice === 'auto' || choice === 'required') {
        form.toolChoice = {kind: choice === 'required' ? 'any' : choice};
    } else if (choice.type === 'function' || choice.type === 'custom') {
        const named = text(choice.name, 'tool_choice.name');
        const tool = form.tools.find((one) => one.name === named || (one.client && one.client.name === named));
        form.toolChoice = {kind: 'tool', name: tool ? tool.name : named};
    } else if (choice.type === 'allowed_tools') {
        const names = list(choice.tools, 'tool_choice.tools').map((tool) => tool && tool.name);
        form.tools = form.tools.filter((tool) => names.includes(tool.name) || (tool.client && names.includes(tool.client.name)));
        form.toolChoice = {kind: choice.mode === 'required' ? 'any' : 'auto'};
    } else {
        refuse('tool_choice', `cannot be ${JSON.stringify(choice.type || choice)} at this provider`);
    }
}

/**
 * @param {any[]} tools
 * @param {Form} form
 * @param {string} place
 */
export function addTools(tools, form, place) {
    /** @type {string[]} */
    const offered = [];
    tools.forEach((tool, at) => {
        const type = object(tool, `${place}[${at}]`).type;
        if (type === 'namespace') {
            loseUnknown(form, tool, ['type', 'name', 'tools'], `${place}[${at}].`);
            list(tool.tools, `${place}[${at}].tools`).forEach((inner, number) => add(inner, form, `${place}[${at}].tools[${number}]`, tool));
        } else if (OFFERED.test(type)) {
            offered.push(`${place}[${at}].type`);
        } else {
            add(tool, form, `${place}[${at}]`);
        }
    });
    for (const one of offered) {
        if (form.tools.length === 0) {
            refuse(one, `${NOWHERE}, and there is no other tool`);
        }
        lose(form, one);
    }
}

/**
 * @param {any} tool
 * @param {Form} form
 * @param {string} place
 * @param {{name: string, description?: string}} [space]
 */
function add(tool, form, place, space) {
    const {type, description, parameters, strict, format} = object(tool, place);
    if (type !== 'function' && type !== 'custom') {
        refuse(`${place}.type`, `cannot be ${JSON.stringify(type)}: it ${NOWHERE}`);
    }
    loseUnknown(form, tool, [...SHARED, ...type === 'custom' ? ['format'] : ['parameters', 'strict']], `${place}.`);
    HINTS.filter((name) => tool[name]).forEach((name) => lose(form, `tools.${name}`));
    const name = text(tool.name, `${place}.name`);
    const named = {name: space ? fullName(space.name, name) : name, ...space && {client: {name, namespace: space.name}}};
    if (form.tools.some((one) => one.name === named.name)) {
        refuse(`${place}.name`, 'is the name of another tool too');
    }
    if (type === 'custom') {
        form.tools.push({...named, description: described(description, format), schema: CUSTOM, custom: true});
        if (format && format.type === 'grammar') {
            lose(form, `${place}.format`); // it is told, but not enforced
        }
    } else {
        form.tools.push({...named, ...description && {description}, schema: parameters || {type: 'object', properties: {}}, strict: strict === true});
    }
}

/**
 * @param {string | undefined} description
 * @param {any} format
 * @returns {string}
 */
function described(description, format) {
    const grammar = format && format.type === 'grammar' ? `The input must follow this ${format.syntax} grammar:\n${format.definition}` : '';
    return [description, grammar].filter(Boolean).join('\n\n') || 'Takes a text.';
}

/**
 * @param {string | null | undefined} namespace
 * @param {string} name
 * @returns {string} of a function, in the letters and the length that every provider takes; the same for the same
 */
export function fullName(namespace, name) {
    if (!namespace) {
        return name;
    }
    const whole = `${namespace}${namespace.endsWith('__') ? '' : '__'}${name}`;
    const plain = whole.replace(/[^a-zA-Z0-9_-]/g, '_');
    if (plain.length <= LONGEST && plain === whole) {
        return plain;
    }
    let hash = 0x811c9dc5; // FNV-1a, so that what is cut off still tells two apart
    for (let at = 0; at < whole.length; at += 1) {
        hash = Math.imul(hash ^ whole.charCodeAt(at), 0x01000193) >>> 0;
    }
    return `${plain.slice(0, LONGEST - 9)}_${hash.toString(16).padStart(8, '0')}`;
}

/**
 * @param {Form} form
 * @param {string} name
 * @returns {{name: string, namespace?: string}} what the client calls it
 */
export function clientName(form, name) {
    const tool = form.tools.find((one) => one.name === name);
    return tool && tool.client ? tool.client : {name};
}

/**
 * @param {Form} form
 * @param {string} name
 * @returns {boolean}
 */
export function isCustom(form, name) {
    return form.tools.some((tool) => tool.custom && tool.name === name);
}

/**
 * @param {string} said arguments of a custom tool's call
 * @returns {string} its input
 */
export function inputOf(said) {
    const value = /** @type {any} */ (objectOf(said));
    return value && typeof value.input === 'string' ? value.input : said;
}
