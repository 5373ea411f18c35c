// @ts-check
// Streams of Anthropic's Messages.
import {sign} from '../form.js';
import {readError} from './errors.js';
import {stopOf} from './stops.js';
import {readUsage} from './usage.js';

/** @typedef {import('../form.js').Event} Event */

/** @returns {{read(name: string, data: string): Event[]}} */
export function streamReader() {
    /** @type {Record<string, any>} what has been counted so far; every count that comes is of all */
    let counts = {};
    let part = -1;
    let isHidden = false; // a block of one of Anthropic's own tools
    let isEmpty = true;

    /** @type {Record<string, (event: any) => any[]>} */
    const events = {
        message_start({message}) {
            counts = {...message.usage};
            return [{type: 'start', id: message.id || '', model: message.model || '', created: 0, usage: readUsage(message.usage)}];
        },
        content_block_start({content_block: block}) {
            const opened = opening(block, part + 1);
            isHidden = opened.length === 0;
            isEmpty = block.type === 'tool_use';
            part += isHidden ? 0 : 1;
            started = block;
            return opened;
        },
        content_block_delta({delta}) {
            if (isHidden) {
                return [];
            }
            if (delta.type === 'signature_delta') {
                return [{type: 'signature', choice: 0, part, signature: sign('messages', delta.signature)}];
            }
            const text = delta.type === 'text_delta' ? delta.text : delta.type === 'thinking_delta' ? delta.thinking : delta.partial_json;
            isEmpty = isEmpty && !text;
            return text ? [{type: 'piece', choice: 0, part, text}] : [];
        },
        content_block_stop() {
            const closed = [{type: 'close', choice: 0, part}];
            // a call whose arguments came with its beginning, or that has none
            return isHidden ? [] : isEmpty ? [{type: 'piece', choice: 0, part, text: JSON.stringify(started.input || {})}, ...closed] : closed;
        },
        message_delta({delta, usage}) {
            const told = [];
            if (delta && delta.stop_reason) {
                told.push({type: 'stop', choice: 0, stop: stopOf(delta.stop_reason), ...(delta.stop_sequence && {sequence: delta.stop_sequence})});
            }
            if (usage) {
                counts = {...counts, ...definite(usage)};
                told.push({type: 'usage', usage: readUsage(counts)});
            }
            return told;
        },
        message_stop: () => [{type: 'end'}],
        ping: () => [{type: 'ping'}],
        error: (event) => [{type: 'fault', fault: readError(0, event)}],
    };
    /** @type {any} */
    let started = {};
    return {
        read(name, data) {
            const event = JSON.parse(data);
            const type = event.type || name;
            return Object.hasOwn(events, type) ? events[type](event) : [];
        },
    };
}

/**
 * @param {any} block
 * @param {number} part
 * @returns {any[]}
 */
function opening(block, part) {
    const at = {choice: 0, part};
    switch (block.type) {
    case 'text':
        return [{type: 'open', ...at, kind: 'text'}, ...(block.text ? [{type: 'piece', ...at, text: block.text}] : [])];
    case 'thinking':
        return [
            {type: 'open', ...at, kind: 'thinking'}, ...(block.thinking ? [{type: 'piece', ...at, text: block.thinking}] : []),
            ...(block.signature ? [{type: 'signature', ...at, signature: sign('messages', block.signature)}] : []),
        ];
    case 'redacted_thinking':
        return [{type: 'open', ...at, kind: 'thinking'}, {type: 'signature', ...at, signature: sign('messages', block.data), redacted: true}];
    case 'tool_use':
        return [{type: 'open', ...at, kind: 'toolCall', id: block.id, name: block.name}];
    default:
        return [];
    }
}

/** @param {Record<string, any>} usage */
function definite(usage) {
    return Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null && value !== undefined));
}
