// @ts-check
import {sign} from '../form.js';
import {objectOf} from '../media.js';
import {stopOf, usageOf} from './answer_reader.js';
import {readException} from './errors.js';

/** @typedef {import('../form.js').Event} Event */

/**
 * Reads what frames.js cuts.
 *
 * @returns {{read(name: string, data: string): Event[]}}
 */
export function streamReader() {
    /** @type {Map<number, number>} part numbers of the blocks that are open */
    const open = new Map();
    /** @type {Set<number>} calls whose arguments have not begun */
    const silent = new Set();
    let parts = 0;

    /**
     * @param {any} body
     * @param {object} opening
     * @returns {[number, Event[]]}
     */
    function partOf(body, opening) {
        let part = open.get(body.contentBlockIndex);
        if (part !== undefined) {
            return [part, []];
        }
        part = parts++;
        open.set(body.contentBlockIndex, part);
        return [part, [/** @type {Event} */ ({type: 'open', choice: 0, part, ...opening})]];
    }

    /**
     * @param {any} body
     * @returns {Event[]}
     */
    function delta(body) {
        const said = body.delta || {};
        if (typeof said.text === 'string') {
            const [part, events] = partOf(body, {kind: 'text'});
            return [...events, {type: 'piece', choice: 0, part, text: said.text}];
        }
        if (said.toolUse) {
            const part = open.get(body.contentBlockIndex);
            if (part === undefined || !said.toolUse.input) {
                return [];
            }
            silent.delete(part);
            return [{type: 'piece', choice: 0, part, text: said.toolUse.input}];
        }
        if (!said.reasoningContent) {
            return [];
        }
        const {text, signature, redactedContent} = said.reasoningContent;
        const [part, events] = partOf(body, {kind: 'thinking'});
        if (typeof text === 'string') {
            events.push({type: 'piece', choice: 0, part, text});
        }
        if (signature || redactedContent) {
            const proof = sign('converse', signature || redactedContent);
            events.push({type: 'signature', choice: 0, part, signature: proof, ...redactedContent && {redacted: true}});
        }
        return events;
    }

    /** @type {Record<string, (body: any) => Event[]>} */
    const readers = {
        messageStart: () => [{type: 'start', id: '', model: '', created: 0}],
        contentBlockStart: (body) => {
            const call = body.start && body.start.toolUse;
            if (!call) {
                return [];
            }
            const [part, events] = partOf(body, {kind: 'toolCall', id: call.toolUseId, name: call.name});
            silent.add(part);
            return events;
        },
        contentBlockDelta: delta,
        contentBlockStop: (body) => {
            const part = open.get(body.contentBlockIndex);
            open.delete(body.contentBlockIndex);
            if (part === undefined) {
                return [];
            }
            /** @type {Event[]} */
            const events = silent.delete(part) ? [{type: 'piece', choice: 0, part, text: '{}'}] : [];
            return [...events, {type: 'close', choice: 0, part}];
        },
        messageStop: (body) => {
            const sequence = body.additionalModelResponseFields && body.additionalModelResponseFields.stop_sequence;
            return [{type: 'stop', choice: 0, stop: stopOf(body.stopReason), ...typeof sequence === 'string' && {sequence}}];
        },
        metadata: (body) => {
            const usage = usageOf(body.usage);
            return [...usage ? [/** @type {Event} */ ({type: 'usage', usage})] : [], {type: 'end'}];
        },
        exception: (body) => [{type: 'fault', fault: readException(body)}],
    };
    return {
        read(name, data) {
            const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
            return reader ? reader(objectOf(data) || {}) : [];
        },
    };
}
