// @ts-check
// Streams of OpenAI's Chat Completions, and of the many servers that write them nearly so.
import {sign} from '../form.js';
import {madeId} from '../media.js';
import {readLogprobs, signatureOf} from './answer_reader.js';
import {readError} from './errors.js';
import {stopOf} from './stops.js';
import {readUsage} from './usage.js';

/**
 * @typedef {object} Open
 * @property {number} part that is open or was last
 * @property {string} kind of it, empty if none is open
 * @property {any} index of the call that is open
 * @property {string} id of it
 * @property {any[]} known the indexes that there were
 * @property {boolean} called
 * @property {boolean} refused
 */

/** @returns {{read(name: string, data: string): import('../form.js').Event[]}} */
export function streamReader() {
    /** @type {Record<number, Open>} */
    const choices = {};
    let started = false;
    return {
        read(_name, data) {
            if (data.trim() === '[DONE]') {
                return [{type: 'end'}];
            }
            const chunk = JSON.parse(data);
            if (chunk.error || chunk.object === 'error') {
                return [{type: 'fault', fault: readError(0, chunk)}];
            }
            /** @type {any[]} */
            const events = [];
            if (!started) {
                started = true;
                events.push({type: 'start', id: chunk.id || '', model: chunk.model || '', created: chunk.created || 0});
            }
            for (const choice of chunk.choices || []) {
                const at = choice.index || 0;
                choices[at] = choices[at] || {part: -1, kind: '', index: undefined, id: '', known: [], called: false, refused: false};
                readChoice(choices[at], choice, at, events);
            }
            if (chunk.usage) {
                events.push({type: 'usage', usage: readUsage(chunk.usage)});
            }
            return events;
        },
    };
}

/**
 * @param {Open} state
 * @param {any} value
 * @param {number} choice
 * @param {any[]} events
 */
function readChoice(state, {delta = {}, logprobs, finish_reason: reason}, choice, events) {
    /** @param {object} [told] */
    const open = (/** @type {string} */ kind, told = {}) => {
        close(state, choice, events);
        state.kind = kind;
        state.part += 1;
        events.push({type: 'open', choice, part: state.part, kind, ...told});
    };
    const say = (/** @type {string} */ kind, /** @type {any} */ text, told = {}) => {
        if (typeof text === 'string' && text !== '') {
            if (state.kind !== kind) {
                open(kind);
            }
            events.push({type: 'piece', choice, part: state.part, text, ...told});
        }
    };
    const {content, refusal} = delta;
    const tokens = readLogprobs(logprobs);
    const told = tokens === undefined ? {} : {logprobs: tokens};
    say('thinking', delta.reasoning_content || delta.reasoning);
    say('text', Array.isArray(content) ? content.map((part) => part.text || '').join('') : content, told);
    say('refusal', refusal, told);
    state.refused = state.refused || Boolean(refusal);
    for (const call of delta.tool_calls || []) {
        const {id, function: {name, arguments: said} = /** @type {any} */ ({})} = call;
        const isNew = state.kind !== 'toolCall' || (call.index !== undefined && call.index !== state.index) || (id && id !== state.id);
        if (isNew) {
            if (!id && call.index !== undefined && state.known.includes(call.index)) {
                throw new Error('the arguments of tool calls come mixed');
            }
            state.known.push(call.index);
            const signature = signatureOf(call);
            Object.assign(state, {called: true, index: call.index, id: id || madeId('call_')});
            open('toolCall', {id: state.id, name: name || '', ...(signature && {signature: sign('chat', signature)})});
        }
        say('toolCall', typeof said === 'object' && said !== null ? JSON.stringify(said) : said);
    }
    if (reason) {
        close(state, choice, events);
        events.push({type: 'stop', choice, stop: stopOf(reason, state.called, state.refused)});
    }
}

/**
 * @param {Open} state
 * @param {number} choice
 * @param {any[]} events
 */
function close(state, choice, events) {
    const {kind, part} = state;
    if (kind === 'thinking') {
        events.push({type: 'signature', choice, part, signature: sign('chat', '')});
    }
    if (kind !== '') {
        events.push({type: 'close', choice, part});
    }
    state.kind = '';
}
