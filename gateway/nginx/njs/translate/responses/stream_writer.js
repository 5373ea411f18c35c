// @ts-check
import {madeId} from '../media.js';
import {errorEvent} from './errors.js';
import {callItem, headOf, messageItem, reasoningItem, refusalPart, responseOf, shows, textPart} from './items.js';
import {inputOf, isCustom} from './tools.js';
import {briefLogprobs, statusOf, writeLogprobs} from './usage.js';

/**
 * @typedef {import('../form.js').Form} Form
 * @typedef {import('../form.js').Event} Event
 * @typedef {object} Open the part of the provider's that is under way
 * @property {string} kind
 * @property {string} text
 * @property {string} item id
 * @property {boolean} [added] whether the client knows the item
 * @property {import('./items.js').Call} [call]
 * @property {string} [signature]
 * @property {boolean} [redacted]
 * @property {import('../form.js').Logprob[]} logprobs
 */

/**
 * OpenAI repeats all that was said when an item is done and once more at the end, so it is kept until then.
 *
 * @param {Form} form
 * @returns {{write(event: Event): string, end(): string}}
 */
export function streamWriter(form) {
    /** @type {any} */
    let head;
    /** @type {object[]} */
    const output = [];
    /** @type {{id: string, content: object[]} | undefined} the message item that is open */
    let message;
    /** @type {Open | undefined} */
    let open;
    /** @type {import('../form.js').Usage | null} */
    let usage = null;
    /** @type {import('../form.js').Stop | undefined} */
    let stop;
    let number = 0;
    let over = false;

    /**
     * @param {string} type
     * @param {object} fields
     */
    const say = (type, fields) => `event: ${type}\ndata: ${JSON.stringify({type, sequence_number: number++, ...fields})}\n\n`;
    const at = (/** @type {string} */ id) => ({item_id: id, output_index: output.length});
    const added = (/** @type {object} */ item) => say('response.output_item.added', {output_index: output.length, item});

    /** @param {object} item */
    function done(item) {
        const text = say('response.output_item.done', {output_index: output.length, item});
        output.push(item);
        return text;
    }

    /** @returns {string} */
    function endMessage(status = 'completed') {
        if (message === undefined) {
            return '';
        }
        const {id, content} = message;
        message = undefined;
        return done(messageItem(id, content, status));
    }

    /** @param {Open} part text or a refusal */
    function beginText(part) {
        let text = '';
        if (message === undefined) {
            message = {id: madeId('msg_'), content: []};
            text = added(messageItem(message.id, [], 'in_progress'));
        }
        part.item = message.id;
        const empty = part.kind === 'text' ? textPart('') : refusalPart('');
        return text + say('response.content_part.added', {...at(message.id), content_index: message.content.length, part: empty});
    }

    /** @param {Open} part */
    function endText(part) {
        if (message === undefined) {
            return '';
        }
        const place = {...at(message.id), content_index: message.content.length};
        const whole = part.kind === 'text' ? textPart(part.text, writeLogprobs(part.logprobs)) : refusalPart(part.text);
        const text = part.kind === 'text' ? say('response.output_text.done', {...place, text: part.text, logprobs: briefLogprobs(part.logprobs)})
            : say('response.refusal.done', {...place, refusal: part.text});
        const ended = text + say('response.content_part.done', {...place, part: whole});
        message.content.push(whole);
        return ended;
    }

    /** @param {Open} part a thought: its item is told once there is something to tell */
    function beginThought(part) {
        if (part.added) {
            return '';
        }
        part.added = true;
        return added(reasoningItem(part.item, '', {}, 'in_progress'));
    }

    /** @param {Open} part */
    function endThought(part) {
        if (!part.added && part.signature === undefined) {
            return '';
        }
        const place = {...at(part.item), summary_index: 0};
        const told = part.text === '' ? '' : say('response.reasoning_summary_text.done', {...place, text: part.text})
            + say('response.reasoning_summary_part.done', {...place, part: {type: 'summary_text', text: part.text}});
        const {signature, redacted} = part;
        return beginThought(part) + told + done(reasoningItem(part.item, part.text, {signature, redacted}, 'completed'));
    }

    /** @param {Open} part */
    function endCall(part) {
        const call = {.../** @type {import('./items.js').Call} */ (part.call), arguments: part.text};
        const place = at(part.item);
        const custom = isCustom(form, call.name);
        const input = inputOf(part.text);
        const told = custom
            ? say('response.custom_tool_call_input.delta', {...place, delta: input}) + say('response.custom_tool_call_input.done', {...place, input})
            : say('response.function_call_arguments.done', {...place, arguments: part.text});
        return told + done(callItem(form, part.item, call, 'completed'));
    }

    /** @returns {string} */
    function close() {
        if (open === undefined) {
            return '';
        }
        const part = open;
        open = undefined;
        return part.call ? endCall(part) : part.kind === 'thinking' ? endThought(part) : endText(part);
    }

    /**
     * @param {any} fault
     * @returns {string}
     */
    function fail(fault) {
        over = true;
        const error = {code: fault.kind === 'rate_limit' ? 'rate_limit_exceeded' : 'server_error', message: fault.message};
        const failed = head ? say('response.failed', {response: responseOf(head, {status: 'failed', output, error, usage})}) : '';
        return failed + errorEvent(fault, number);
    }

    /** @type {{[Type in Event['type']]: (event: any) => string}} */
    const writers = {
        start(event) {
            head = headOf(form, event);
            usage = event.usage || null;
            const response = responseOf(head, {status: 'in_progress'});
            return say('response.created', {response}) + say('response.in_progress', {response});
        },
        open(event) {
            const before = close();
            open = {kind: event.kind, text: '', item: madeId(event.kind === 'thinking' ? 'rs_' : 'fc_'), logprobs: []};
            if (event.kind === 'text' || event.kind === 'refusal') {
                return before + beginText(open);
            }
            const ended = before + endMessage();
            if (event.kind === 'thinking') {
                return ended;
            }
            open.call = {id: event.id, name: event.name, arguments: ''};
            const proof = event.signature ? reasoningItem(madeId('rs_'), '', {signature: event.signature, call: true}, 'completed') : undefined;
            return ended + (proof ? added(proof) + done(proof) : '') + added(callItem(form, open.item, open.call, 'in_progress'));
        },
        piece(event) {
            if (open === undefined || (open.kind === 'thinking' && !shows(form))) {
                return '';
            }
            const first = open.text === '';
            open.text += event.text;
            const delta = event.text;
            if (open.call) {
                return isCustom(form, open.call.name) ? '' : say('response.function_call_arguments.delta', {...at(open.item), delta});
            }
            if (open.kind === 'thinking') {
                const item = beginThought(open);
                const place = {...at(open.item), summary_index: 0};
                const begun = first ? say('response.reasoning_summary_part.added', {...place, part: {type: 'summary_text', text: ''}}) : '';
                return item + begun + say('response.reasoning_summary_text.delta', {...place, delta});
            }
            const place = {...at(open.item), content_index: message ? message.content.length : 0};
            if (open.kind === 'refusal') {
                return say('response.refusal.delta', {...place, delta});
            }
            open.logprobs.push(...event.logprobs || []);
            return say('response.output_text.delta', {...place, delta, logprobs: briefLogprobs(event.logprobs)});
        },
        signature(event) {
            if (open !== undefined && open.kind === 'thinking') {
                open.signature = event.signature;
                open.redacted = event.redacted;
            }
            return '';
        },
        close,
        stop(event) {
            stop = event.stop;
            return close() + endMessage(statusOf(event.stop).status);
        },
        usage(event) {
            usage = event.usage;
            return '';
        },
        ping: () => ': ping\n\n',
        fault: (event) => fail(event.fault),
        end() {
            over = true;
            const end = statusOf(stop || 'stop');
            return say(`response.${end.status}`, {response: responseOf(head, {...end, output, usage})});
        },
    };
    const broken = {status: 502, kind: 'server', message: 'the provider broke off its answer'};
    return {
        write: (event) => (over ? '' : writers[event.type](event)),
        end: () => (over ? '' : stop === undefined ? fail(broken) : writers.end({})),
    };
}
