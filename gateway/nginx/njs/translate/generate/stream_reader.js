// @ts-check
import {objectOf} from '../media.js';
import {partsOf, readPart} from './answer_reader.js';
import {readError} from './errors.js';
import {logprobsOf, stopOf, usageOf} from './words.js';

/**
 * @typedef {import('../form.js').Event} Event
 * @typedef {{part: number, kind: string, called: boolean, over: boolean}} Candidate `part` is the open one, -1 if none is
 */

/**
 * Google has no last word: a stream is over when it ends, and broke off if it had not stopped before (the writers' `end`).
 *
 * @returns {{read(name: string, data: string): Event[]}}
 */
export function streamReader() {
    /** @type {Map<number, Candidate>} */
    const candidates = new Map();
    let started = false;
    let parts = 0;

    /**
     * @param {any} value
     * @param {number} choice
     * @param {Event[]} events
     */
    function readCandidate(value, choice, events) {
        const state = candidates.get(choice) || {part: -1, kind: '', called: false, over: false};
        candidates.set(choice, state);
        let logprobs = logprobsOf(value.logprobsResult);
        for (const raw of partsOf(value)) {
            const part = readPart(raw);
            if (part === undefined) {
                continue;
            }
            if (part.kind !== state.kind || part.kind === 'toolCall') {
                close(state, choice, events);
                state.part = parts++;
                state.kind = part.kind;
                const call = part.kind === 'toolCall' && {id: part.id, name: part.name, ...part.signature && {signature: part.signature}};
                events.push({type: 'open', choice, part: state.part, kind: part.kind, ...call});
            }
            const text = part.kind === 'toolCall' ? part.arguments : part.text;
            if (text !== '') {
                events.push({type: 'piece', choice, part: state.part, text, ...logprobs && part.kind === 'text' && {logprobs}});
                logprobs = part.kind === 'text' ? undefined : logprobs;
            }
            if (part.kind === 'thinking' && part.signature) {
                events.push({type: 'signature', choice, part: state.part, signature: part.signature});
            }
            if (part.kind === 'toolCall') {
                state.called = true;
                close(state, choice, events);
            }
        }
        if (value.finishReason && !state.over) {
            close(state, choice, events);
            state.over = true;
            events.push({type: 'stop', choice, stop: stopOf(value.finishReason, state.called)});
        }
    }

    return {
        read(_name, data) {
            const value = /** @type {any} */ (objectOf(data) || {});
            if (value.error) {
                return [{type: 'fault', fault: readError(value.error.code || 500, value)}];
            }
            /** @type {Event[]} */
            const events = [];
            const usage = usageOf(value.usageMetadata);
            if (!started) {
                started = true;
                const created = Math.floor(Date.parse(value.createTime) / 1000) || 0;
                events.push({type: 'start', id: value.responseId || '', model: value.modelVersion || '', created, ...usage && {usage}});
            }
            for (const candidate of Array.isArray(value.candidates) ? value.candidates : []) {
                readCandidate(candidate, candidate.index || 0, events);
            }
            if (usage !== null) {
                events.push({type: 'usage', usage});
            }
            if (candidates.size === 0 && value.promptFeedback && value.promptFeedback.blockReason) {
                candidates.set(0, {part: -1, kind: '', called: false, over: true});
                events.push({type: 'stop', choice: 0, stop: 'filter'});
            }
            return events;
        },
    };
}

/**
 * @param {Candidate} state
 * @param {number} choice
 * @param {Event[]} events
 */
function close(state, choice, events) {
    if (state.part >= 0) {
        events.push({type: 'close', choice, part: state.part});
        state.part = -1;
        state.kind = '';
    }
}
