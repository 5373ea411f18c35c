// @ts-check
// Streams of Anthropic's Messages.
import {madeId} from '../media.js';
import {shownSignature} from './answer_writer.js';
import {CALL_MARK} from './block_reader.js';
import {errorEvent} from './errors.js';
import {reasonOf} from './stops.js';
import {writeUsage} from './usage.js';

/**
 * @param {import('../form.js').Form} form
 * @returns {{write(event: import('../form.js').Event): string, end(): string}}
 */
export function streamWriter(form) {
    let index = -1;
    let kind = ''; // of the part that is open
    let isWritten = false; // whether its block has begun: what a thought is shows with its first piece
    /** @type {import('../form.js').Usage | undefined} */
    let usage;
    /** @type {{stop_reason: string, stop_sequence: string | null} | undefined} */
    let reason;
    let over = false;

    /** @param {object} block */
    const begin = (block) => {
        isWritten = true;
        index += 1;
        return said('content_block_start', `"index":${index},"content_block":${JSON.stringify(block)}`);
    };
    /** @param {object} delta */
    const more = (delta) => said('content_block_delta', `"index":${index},"delta":${JSON.stringify(delta)}`);
    const thought = () => isWritten ? '' : begin({type: 'thinking', thinking: '', signature: ''});

    /** @type {Record<string, (event: any) => string>} */
    const events = {
        start({id, model, usage: known}) {
            usage = known;
            const message = {
                id: id || madeId('msg_'), type: 'message', role: 'assistant', model: model || form.model, content: [], stop_reason: null,
                stop_sequence: null, usage: writeUsage(known),
            };
            return said('message_start', `"message":${JSON.stringify(message)}`);
        },
        open(event) {
            kind = event.kind;
            isWritten = false;
            if (kind === 'thinking') {
                return '';
            }
            if (kind !== 'toolCall') {
                return begin({type: 'text', text: ''});
            }
            const mark = event.signature ? begin({type: 'redacted_thinking', data: CALL_MARK + event.signature}) + events.close({}) : '';
            return mark + begin({type: 'tool_use', id: event.id, name: event.name, input: {}});
        },
        piece({text}) {
            if (kind === 'thinking') {
                return thought() + more({type: 'thinking_delta', thinking: text});
            }
            return more(kind === 'toolCall' ? {type: 'input_json_delta', partial_json: text} : {type: 'text_delta', text});
        },
        signature: ({signature, redacted}) => redacted
            ? begin({type: 'redacted_thinking', data: signature}) : thought() + more({type: 'signature_delta', signature: shownSignature(signature)}),
        close: () => (kind === 'thinking' ? thought() : '') + said('content_block_stop', `"index":${index}`),
        stop({stop, sequence}) {
            reason = reasonOf(stop, sequence);
            return '';
        },
        usage(event) {
            usage = event.usage;
            return '';
        },
        ping: () => said('ping', ''),
        fault(event) {
            over = true;
            return errorEvent(event.fault);
        },
        end() {
            over = true;
            const delta = JSON.stringify(reason || reasonOf('stop'));
            return said('message_delta', `"delta":${delta},"usage":${JSON.stringify(writeUsage(usage))}`) + said('message_stop', '');
        },
    };
    return {
        write: (event) => over || ('choice' in event && event.choice !== 0) ? '' : events[event.type](event),
        end: () => over ? '' : reason ? events.end({})
            : errorEvent({status: 502, kind: 'server', message: 'the provider broke off its answer'}),
    };
}

/**
 * @param {string} type
 * @param {string} fields JSON without its braces
 */
const said = (type, fields) => `event: ${type}\ndata: {"type":"${type}"${fields && `,${fields}`}}\n\n`;
