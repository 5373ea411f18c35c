// @ts-check
import {madeId} from '../media.js';
import {shows, writeCall} from './answer_writer.js';
import {writeError} from './errors.js';
import {wrapped} from './signatures.js';
import {metadataOf, reasonOf, resultOf} from './words.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Event} Event
 */

/**
 * Server-sent events, or, without form.sse, one JSON array. Google tells why it stopped and what was used in one last chunk,
 * so both wait for it. A function's arguments come whole.
 *
 * @param {Form} form
 * @returns {{write(event: Event): string, end(): string}}
 */
export function streamWriter(form) {
    const about = {modelVersion: form.model, responseId: ''};
    /** @type {Map<number, {name: string, id: string, text: string, signature?: string}>} */
    const calls = new Map();
    /** @type {Map<number, string>} kinds of the parts that are open, one a choice */
    const kinds = new Map();
    /** @type {object[]} */
    const stops = [];
    /** @type {import('../form.js').Usage | undefined} */
    let usage;
    let written = false;
    let over = false;

    /** @param {object} value */
    function chunk(value) {
        const text = JSON.stringify(value);
        if (form.sse) {
            return `data: ${text}\r\n\r\n`;
        }
        const before = written ? ',\r\n' : '[';
        written = true;
        return before + text;
    }

    /**
     * @param {number} index
     * @param {object} part
     * @param {object | false} [more]
     */
    function say(index, part, more) {
        return chunk({candidates: [{content: {parts: [part], role: 'model'}, index, ...more}], ...about});
    }

    /** @returns {string} the last chunk */
    function last() {
        over = true;
        const value = {...stops.length > 0 && {candidates: stops}, ...usage && {usageMetadata: metadataOf(usage)}, ...about};
        return (stops.length > 0 || usage ? chunk(value) : '') + (form.sse ? '' : written ? ']' : '[]');
    }

    /** @type {{[Type in Event['type']]: (event: any) => string}} */
    const writers = {
        start(event) {
            about.modelVersion = event.model || form.model;
            about.responseId = event.id || madeId('');
            usage = event.usage || usage;
            return '';
        },
        open(event) {
            kinds.set(event.choice, event.kind);
            if (event.kind === 'toolCall') {
                calls.set(event.choice, {name: event.name, id: event.id, text: '', signature: event.signature});
            }
            return '';
        },
        piece(event) {
            const call = calls.get(event.choice);
            if (call) {
                call.text += event.text;
                return '';
            }
            if (kinds.get(event.choice) === 'thinking') {
                return shows(form) ? say(event.choice, {text: event.text, thought: true}) : '';
            }
            return say(event.choice, {text: event.text}, event.logprobs && {logprobsResult: resultOf(event.logprobs)});
        },
        signature(event) {
            const call = calls.get(event.choice);
            if (call) {
                call.signature = event.signature;
                return '';
            }
            return say(event.choice, {text: '', thought: true, thoughtSignature: wrapped(event.signature, event.redacted)});
        },
        close(event) {
            const call = calls.get(event.choice);
            calls.delete(event.choice);
            kinds.delete(event.choice);
            return call ? say(event.choice, writeCall(call.name, call.id, call.text, call.signature)) : '';
        },
        stop(event) {
            stops.push({content: {parts: [{text: ''}], role: 'model'}, finishReason: reasonOf(event.stop), index: event.choice});
            return '';
        },
        usage(event) {
            usage = event.usage;
            return '';
        },
        ping: () => '',
        fault(event) {
            over = true;
            return chunk(writeError(event.fault)) + (form.sse ? '' : ']');
        },
        end: last,
    };
    const broken = {status: 502, kind: 'server', message: 'the provider broke off its answer'};
    return {
        write: (event) => (over ? '' : writers[event.type](event)),
        end: () => (over ? '' : stops.length > 0 ? last() : writers.fault({fault: broken})),
    };
}
