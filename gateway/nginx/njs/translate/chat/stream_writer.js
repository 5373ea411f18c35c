// @ts-check
// Streams of OpenAI's Chat Completions.
import {now} from '../form.js';
import {madeId} from '../media.js';
import {writeLogprobs} from './answer_writer.js';
import {errorEvent} from './errors.js';
import {reasonOf} from './stops.js';
import {writeUsage} from './usage.js';

/**
 * @typedef {object} Open
 * @property {string} kind of the part that is open
 * @property {number} calls how many there were
 * @property {number} thoughts
 * @property {boolean} refused
 */

/**
 * @param {import('../form.js').Form} form
 * @returns {{write(event: import('../form.js').Event): string, end(): string}}
 */
export function streamWriter(form) {
    /** @type {Record<number, Open>} */
    const choices = {};
    const usageField = form.askedUsage ? ',"usage":null' : '';
    let head = '';
    /** @type {import('../form.js').Usage | undefined} */
    let usage;
    let stopped = false;
    let over = false;

    /**
     * @param {number} choice
     * @param {object} delta
     * @param {string | null} [reason]
     * @param {object | null} [logprobs]
     */
    const chunk = (choice, delta, reason = null, logprobs = null) =>
        `${head}"choices":[{"index":${choice},"delta":${JSON.stringify(delta)},"logprobs":${JSON.stringify(logprobs)},`
        + `"finish_reason":${JSON.stringify(reason)}}]${usageField}}\n\n`;

    /**
     * @param {number} choice
     * @returns {string} the chunk with which a choice begins, once
     */
    const begin = (choice) => {
        if (choices[choice] !== undefined) {
            return '';
        }
        choices[choice] = {kind: '', calls: 0, thoughts: 0, refused: false};
        return chunk(choice, {role: 'assistant', content: '', refusal: null});
    };

    /** @type {Record<string, (event: any) => string>} */
    const events = {
        start({id, model, created, usage: known}) {
            const root = {id: id || madeId('chatcmpl-'), object: 'chat.completion.chunk', created: created || now(), model: model || form.model};
            head = `data: ${JSON.stringify(root).slice(0, -1)},`;
            usage = known;
            return begin(0);
        },
        open({choice, kind, id, name, signature}) {
            const text = begin(choice);
            const state = choices[choice];
            state.kind = kind;
            state.refused = state.refused || kind === 'refusal';
            state.thoughts += kind === 'thinking' ? 1 : 0;
            if (kind !== 'toolCall') {
                return text;
            }
            state.calls += 1;
            const call = {index: state.calls - 1, id, type: 'function', function: {name, arguments: ''}};
            return text + chunk(choice, {tool_calls: [signature ? {...call, extra_content: {google: {thought_signature: signature}}} : call]});
        },
        piece({choice, text, logprobs}) {
            const {kind, calls, thoughts} = choices[choice];
            switch (kind) {
            case 'text':
                return chunk(choice, {content: text}, null, writeLogprobs(logprobs, false));
            case 'refusal':
                return chunk(choice, {refusal: text}, null, writeLogprobs(logprobs, true));
            case 'thinking':
                return chunk(choice, {reasoning_content: text, thinking_blocks: [{index: thoughts - 1, type: 'thinking', thinking: text}]});
            default:
                return chunk(choice, {tool_calls: [{index: calls - 1, function: {arguments: text}}]});
            }
        },
        signature({choice, signature, redacted}) {
            const index = choices[choice].thoughts - 1; // which OpenAI's SDKs want of everything in a list
            const block = redacted ? {index, type: 'redacted_thinking', data: signature} : {index, type: 'thinking', thinking: '', signature};
            return chunk(choice, {thinking_blocks: [block]});
        },
        close: () => '',
        stop({choice, stop}) {
            stopped = true;
            return begin(choice) + chunk(choice, {}, reasonOf(stop, choices[choice].refused));
        },
        usage(event) {
            usage = event.usage;
            return '';
        },
        ping: () => ': ping\n\n',
        fault(event) {
            over = true;
            return errorEvent(event.fault);
        },
        end() {
            over = true;
            const last = form.askedUsage && usage ? `${head}"choices":[],"usage":${JSON.stringify(writeUsage(usage))}}\n\n` : '';
            return `${last}data: [DONE]\n\n`;
        },
    };
    return {
        write: (event) => over ? '' : events[event.type](event),
        end: () => over ? '' : stopped ? events.end({})
            : errorEvent({status: 502, kind: 'server', message: 'the provider broke off its answer'}),
    };
}
