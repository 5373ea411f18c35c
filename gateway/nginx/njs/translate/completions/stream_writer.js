// @ts-check
// Streams of OpenAI's older Completions.
import {now} from '../form.js';
import {madeId} from '../media.js';
import {errorEvent} from '../chat/errors.js';
import {reasonOf} from '../chat/stops.js';
import {writeUsage} from '../chat/usage.js';
import {writeLogprobs} from './answer_writer.js';

/**
 * @param {import('../form.js').Form} form
 * @returns {{write(event: import('../form.js').Event): string, end(): string}}
 */
export function streamWriter(form) {
    const usageField = form.askedUsage ? ',"usage":null' : '';
    let head = '';
    /** @type {import('../form.js').Usage | undefined} */
    let usage;
    /** @type {Record<number, string>} what is open in each choice */
    const kinds = {};
    /** @type {Record<number, number>} characters told of each choice */
    const offsets = {};
    let stopped = false;
    let over = false;

    /**
     * @param {number} index
     * @param {string} text
     * @param {string | null} reason
     * @param {object | null} [logprobs]
     */
    const chunk = (index, text, reason, logprobs = null) =>
        `${head}"choices":[${JSON.stringify({index, text, logprobs, finish_reason: reason})}]${usageField}}\n\n`;

    /** @type {Record<string, (event: any) => string>} */
    const events = {
        start({id, model, created, usage: known}) {
            const root = {id: id || madeId('cmpl-'), object: 'text_completion', created: created || now(), model: model || form.model};
            head = `data: ${JSON.stringify(root).slice(0, -1)},`;
            usage = known;
            return '';
        },
        open({choice, kind}) {
            kinds[choice] = kind;
            return '';
        },
        piece({choice, text, logprobs}) {
            if (kinds[choice] !== 'text' && kinds[choice] !== 'refusal') {
                return '';
            }
            const offset = offsets[choice] || 0;
            offsets[choice] = offset + text.length;
            return chunk(choice, text, null, writeLogprobs(logprobs, offset));
        },
        stop({choice, stop}) {
            stopped = true;
            return chunk(choice, '', reasonOf(stop === 'tool' ? 'stop' : stop));
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
        signature: () => '',
        close: () => '',
    };
    return {
        write: (event) => over ? '' : events[event.type](event),
        end: () => over ? '' : stopped ? events.end({})
            : errorEvent({status: 502, kind: 'server', message: 'the provider broke off its answer'}),
    };
}
