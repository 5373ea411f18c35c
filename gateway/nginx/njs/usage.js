// @ts-check
// Usage and model in what was kept of a reply. Only numbers leave this module, and the model's name.
//
// Where the beginning of a reply is gone, a key is known to be at the root of its object by what follows it: the text
// from the key on, put behind `{`, is JSON exactly if nothing but the root remains open.
import {parsed} from './json.js';
import {numbers} from './numbers.js';

const SSE_FIELD = /^(?:data|event|id|retry)?:/;
const ANSWER_TEXT = /"(?:content|text|delta|partial_json|arguments|thinking|reasoning|reasoning_content)"\s*:\s*"((?:[^"\\]|\\.)*)"/g;
// The event after which nothing more is told. A client may leave once it has it, before the last chunk of the answer.
const LAST_EVENT = /(?:^|\n)data: ?(?:\[DONE\]|\{"type": ?"(?:message_stop|response\.(?:completed|incomplete|failed))".*)\s*$/;
const ANSWER_DELTA = /"delta"\s*:\s*"((?:[^"\\]|\\.)*)"/g;
const MESSAGE_START = /"type":\s*"message_start"/;
const MOST_LINES = 64;
const MOST_KEYS = 8;

/**
 * @typedef {object} Found
 * @property {string | null} model
 * @property {object | null} usage
 * @property {boolean} start whether it is the first event of an Anthropic stream
 */

/**
 * @typedef {object} Reply
 * @property {string} head the beginning of the reply
 * @property {string} tail its end; empty if the head is all of it
 * @property {boolean} whole whether nothing is missing between them
 * @property {boolean} last whether the provider came to the end
 * @property {number} bytes
 * @property {number} kept of those, in head and tail
 */

/**
 * What the spool line says of the reply.
 *
 * @param {Reply} reply
 * @returns {{last: boolean, stream: boolean, model: string | null, usage: object[], chars?: number, end?: boolean}}
 */
export function collected(reply) {
    const head = reply.head.trimStart();
    const first = head.charCodeAt(0);
    if (first === 123) {
        return {last: reply.last, stream: false, ...single(reply, head)};
    }
    if (first === 91) {
        return estimate({last: reply.last, stream: true, ...array(reply, head)}, reply);
    }
    if (!SSE_FIELD.test(head)) {
        return {last: reply.last, stream: false, model: null, usage: []};
    }
    return estimate({last: reply.last, stream: true, ...events(reply, head)}, reply);
}

/**
 * One JSON object.
 *
 * @param {Reply} reply
 * @param {string} head
 */
function single(reply, head) {
    if (reply.whole) {
        return outcome(look(parsed(head + reply.tail)));
    }
    const end = atRoot(reply.tail);
    return outcome({...end, model: end.model || rootModel(head) || modelAtEnd(reply.tail)});
}

/**
 * A JSON array of objects, one by one: Google's stream without `alt=sse`. The last usage counts.
 *
 * @param {Reply} reply
 * @param {string} head
 */
function array(reply, head) {
    const text = reply.whole ? head + reply.tail : reply.tail;
    const end = atRoot(text.trimEnd().replace(/\]$/, ''));
    if (end.usage !== null) {
        return outcome(end);
    }
    let at = text.lastIndexOf('"usageMetadata"');
    for (let tries = 0; at >= 0 && tries < MOST_KEYS; tries += 1) {
        const close = text.indexOf('\n}', at);
        const found = look(close < 0 ? undefined : parsed('{' + text.slice(at, close + 2)));
        if (found.usage !== null) {
            return outcome(found);
        }
        at = at > 0 ? text.lastIndexOf('"usageMetadata"', at - 1) : -1;
    }
    return outcome(end);
}

/**
 * Server-sent events: the first tells the model, the last that has a usage object tells the usage. Anthropic's
 * `message_start` counts beside the last `message_delta`.
 *
 * @param {Reply} reply
 * @param {string} head
 */
function events(reply, head) {
    const begin = firstEvent(head);
    const end = lastUsage(reply.whole ? head + reply.tail : reply.tail, !reply.whole);
    const usage = [];
    if (begin.start && begin.usage !== null) {
        usage.push(begin.usage);
    }
    if (end.usage !== null && !end.start) {
        usage.push(end.usage);
    }
    return {model: begin.model || end.model, usage};
}

/**
 * @param {string} text
 * @returns {Found} of the first event that names a model
 */
function firstEvent(text) {
    let from = 0;
    for (let tries = 0; tries < MOST_LINES; tries += 1) {
        const end = text.indexOf('\n', from);
        if (end < 0) {
            break;
        }
        const found = look(payload(text.slice(from, end)));
        if (found.model !== null) {
            return found;
        }
        from = end + 1;
    }
    const at = text.lastIndexOf('data:');
    const nested = /^data:\s*\{"type":"response\.created".{0,400}?"model":"([^"\\]+)"/.exec(at < 0 ? '' : text.slice(at, at + 4096));
    return {model: nested === null ? null : nested[1], usage: null, start: false};
}

/**
 * @param {string} text
 * @param {boolean} torn whether the first line may have lost its beginning
 * @returns {Found} of the last event that has a usage object
 */
function lastUsage(text, torn) {
    let at = text.lastIndexOf('"usage');
    for (let tries = 0; at >= 0 && tries < MOST_LINES; tries += 1) {
        const begin = text.lastIndexOf('\n', at) + 1;
        const stop = text.indexOf('\n', at);
        const end = stop < 0 ? text.length : stop;
        const found = begin === 0 && torn ? atRoot(text.slice(0, end)) : look(payload(text.slice(begin, end)));
        if (found.usage !== null) {
            return found;
        }
        at = begin === 0 ? -1 : text.lastIndexOf('"usage', begin - 1);
    }
    return look(undefined);
}

/**
 * @param {string} line
 * @returns {any} the JSON of a data line, undefined if it is none
 */
function payload(line) {
    if (!line.startsWith('data:')) {
        return undefined;
    }
    const text = line.slice(5).trim();
    return text.charCodeAt(0) === 123 ? parsed(text) : undefined;
}

/**
 * The usage at the root of an object, or of its `response`, whose beginning is missing.
 *
 * @param {string} text
 * @returns {Found}
 */
function atRoot(text) {
    let at = text.lastIndexOf('"usage');
    for (let tries = 0; at >= 0 && tries < MOST_KEYS; tries += 1) {
        const rest = text.slice(at);
        let found = look(parsed('{' + rest));
        if (found.usage === null) {
            found = look(parsed('{"response":{' + rest));
        }
        if (found.usage !== null) {
            return found;
        }
        at = at > 0 ? text.lastIndexOf('"usage', at - 1) : -1;
    }
    return look(undefined);
}

/**
 * @param {string} text the end of a JSON object
 * @returns {string | null}
 */
function modelAtEnd(text) {
    const at = text.lastIndexOf('"model":');
    return at < 0 ? null : look(parsed('{' + text.slice(at))).model;
}

/**
 * @param {string} text the beginning of a JSON object
 * @returns {string | null} its model, if nothing but the root is open before it
 */
function rootModel(text) {
    const at = text.indexOf('"model"');
    if (at < 0 || parsed(text.slice(0, at).trimEnd().replace(/,$/, '') + '}') === undefined) {
        return null;
    }
    const name = /^"model"\s*:\s*"([^"\\]+)"/.exec(text.slice(at, at + 512));
    return name === null ? null : name[1];
}

/**
 * @param {any} event
 * @returns {Found}
 */
function look(event) {
    if (typeof event !== 'object' || event === null) {
        return {model: null, usage: null, start: false};
    }
    const inner = event.response || event.message || {};
    const model = event.model || event.modelVersion || inner.model;
    return {
        model: typeof model === 'string' ? model : null,
        usage: numbers(event.usage || event.usageMetadata || inner.usage),
        start: event.type === 'message_start',
    };
}

/** @param {{model: string | null, usage: object | null}} found */
function outcome(found) {
    return {model: found.model, usage: found.usage === null ? [] : [found.usage]};
}

/**
 * @param {string} text a reply, or parts of it
 * @returns {string} what the model said in it
 */
export function answerText(text) {
    const pattern = text.includes('"response.output_text.delta"') ? ANSWER_DELTA : ANSWER_TEXT; // later events say all of it again
    let all = '';
    for (const match of text.matchAll(pattern)) {
        all += parsed(`"${match[1]}"`) || '';
    }
    return all;
}

/**
 * @param {string} text the end of a stream
 * @returns {boolean} whether its last event has come
 */
export function isOver(text) {
    return LAST_EVENT.test(text);
}

/**
 * Whether the provider has not told what an answer took: nothing at all, or only its beginning.
 *
 * @param {{usage: object[]}} told
 * @param {string} head
 * @returns {boolean}
 */
export function lacksUsage({usage}, head) {
    return usage.length === 0 || (usage.length === 1 && MESSAGE_START.test(head));
}

/**
 * A stream that broke off tells no usage: count the answer's characters in what was kept, and take the rest for like it.
 *
 * @template {{last: boolean, usage: object[]}} T
 * @param {T} result
 * @param {Reply} reply
 * @returns {T & {chars?: number, end?: boolean}} `end`: nothing but the end of the transfer is missing
 */
function estimate(result, reply) {
    if (reply.last) {
        return result;
    }
    const text = reply.whole ? reply.head + reply.tail : reply.tail;
    if (LAST_EVENT.test(text)) {
        return {...result, end: true};
    }
    if (result.usage.length > 1) {
        return result;
    }
    let chars = 0;
    for (const match of text.matchAll(ANSWER_TEXT)) {
        chars += match[1].length;
    }
    return {...result, chars: Math.round(chars * reply.bytes / text.length)};
}
