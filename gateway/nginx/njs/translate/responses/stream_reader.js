// @ts-check
import {objectOf} from '../media.js';
import {readFailure} from './errors.js';
import {signatureOf} from './signatures.js';
import {readLogprobs, readUsage, stopOf} from './usage.js';

/**
 * @typedef {import('../form.js').Event} Event
 * @typedef {{part: number, kind: string, told: boolean}} Open
 */

/** @returns {{read(name: string, data: string): Event[]}} */
export function streamReader() {
    /** @type {Map<string, Open>} by item and content */
    const open = new Map();
    const said = {called: false, refused: false};
    let parts = 0;

    /**
     * @param {string} key
     * @param {'text' | 'refusal' | 'thinking' | 'toolCall'} kind
     * @param {object} [more]
     * @returns {[Open, Event[]]}
     */
    function part(key, kind, more) {
        const known = open.get(key);
        if (known !== undefined) {
            return [known, []];
        }
        const state = {part: parts++, kind, told: false};
        open.set(key, state);
        return [state, [{type: 'open', choice: 0, part: state.part, kind, ...more}]];
    }

    /**
     * @param {string} key
     * @param {'text' | 'refusal' | 'thinking' | 'toolCall'} kind
     * @param {string} text
     * @param {any} [logprobs]
     * @returns {Event[]}
     */
    function piece(key, kind, text, logprobs) {
        if (text === '' || text === undefined) {
            return [];
        }
        const [state, events] = part(key, kind);
        state.told = true;
        const read = readLogprobs(logprobs);
        return [...events, {type: 'piece', choice: 0, part: state.part, text, ...read && {logprobs: read}}];
    }

    /**
     * @param {string} key
     * @returns {Event[]}
     */
    function close(key) {
        const state = open.get(key);
        open.delete(key);
        return state === undefined ? [] : [{type: 'close', choice: 0, part: state.part}];
    }

    const content = (/** @type {any} */ event) => `${event.output_index} ${event.content_index}`;
    const item = (/** @type {any} */ event) => `${event.output_index}`;
    const escaped = (/** @type {string} */ text) => JSON.stringify(text).slice(1, -1);

    /**
     * @param {any} event
     * @returns {Event[]}
     */
    function added(event) {
        const {type, call_id: id, name} = event.item || {};
        if (type !== 'function_call' && type !== 'custom_tool_call') {
            return [];
        }
        said.called = true;
        const events = part(item(event), 'toolCall', {id, name})[1];
        return type === 'custom_tool_call' ? [...events, ...piece(item(event), 'toolCall', '{"input":"')] : events;
    }

    /**
     * @param {any} event
     * @returns {Event[]}
     */
    function done(event) {
        const {type, arguments: whole} = event.item || {};
        const key = item(event);
        if (type === 'reasoning') {
            const signature = signatureOf(event.item);
            const [state, events] = signature === undefined ? [undefined, []] : part(key, 'thinking');
            if (state !== undefined && signature !== undefined) {
                events.push({type: 'signature', choice: 0, part: state.part, signature});
            }
            return [...events, ...close(key)];
        }
        const state = open.get(key);
        const late = type === 'function_call' && state !== undefined && !state.told ? piece(key, 'toolCall', whole) : [];
        return [...late, ...type === 'custom_tool_call' ? piece(key, 'toolCall', '"}') : [], ...close(key)];
    }

    /**
     * @param {any} event
     * @returns {Event[]}
     */
    function over(event) {
        const usage = readUsage(event.response.usage);
        return [
            ...[...open.keys()].flatMap(close), {type: 'stop', choice: 0, stop: stopOf(event.response, said)},
            ...usage ? [/** @type {Event} */ ({type: 'usage', usage})] : [], {type: 'end'},
        ];
    }

    /** @type {Record<string, (event: any) => Event[]>} */
    const readers = {
        'response.created': ({response: {id, model, created_at: created}}) => [
            {type: 'start', id: id || '', model: model || '', created: Math.floor(created || 0)},
        ],
        'response.output_item.added': added,
        'response.output_item.done': done,
        'response.output_text.delta': (event) => piece(content(event), 'text', event.delta, event.logprobs),
        'response.refusal.delta': (event) => {
            said.refused = true;
            return piece(content(event), 'refusal', event.delta);
        },
        'response.content_part.done': (event) => close(content(event)),
        'response.function_call_arguments.delta': (event) => piece(item(event), 'toolCall', event.delta),
        'response.custom_tool_call_input.delta': (event) => piece(item(event), 'toolCall', escaped(event.delta)),
        'response.reasoning_summary_text.delta': (event) => piece(item(event), 'thinking', event.delta),
        'response.reasoning_summary_part.added': (event) => (event.summary_index > 0 ? piece(item(event), 'thinking', '\n\n') : []),
        'response.reasoning_text.delta': (event) => piece(item(event), 'thinking', event.delta),
        'response.completed': over,
        'response.incomplete': over,
        'response.failed': (event) => [{type: 'fault', fault: readFailure(event)}],
        error: (event) => [{type: 'fault', fault: readFailure(event)}],
    };
    return {
        read(_name, data) {
            const event = /** @type {any} */ (objectOf(data) || {});
            return Object.hasOwn(readers, event.type) ? readers[event.type](event) : event.error ? readers.error(event) : [];
        },
    };
}
