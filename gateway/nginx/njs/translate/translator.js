// @ts-check
// One attempt at a provider of another dialect: the request put into it, the answer out of it. The filters of the location
// of a provider's dialect; its entry module (to_<dialect>.js) says with what.
import {complain} from '../complaints.js';
import {streamed} from './streamed.js';
import {Inexpressible, newForm} from './form.js';
import {keep, teller} from './told.js';
import {translateHeaders} from './headers.js';
import {eventReader} from './events.js';
import {send} from './send.js';

const MOST_OF_AN_ERROR = 65_536;
const LONGEST_LIST = 2000;
const REFUSED = 'refused'; // see outcome.js

/** @typedef {import('./send.js').Orders} Orders */

/**
 * A provider's dialect.
 *
 * @typedef {object} Provider
 * @property {import('./form.js').Dialect} dialect
 * @property {(form: import('./form.js').Form, orders: any) => object} writeRequest
 * @property {(value: any) => import('./form.js').Answer} readAnswer
 * @property {() => {read(name: string, data: string): import('./form.js').Event[]}} [streamReader]
 * @property {(status: number, body: any) => import('./form.js').Fault} readError
 * @property {() => {read(chunk: Buffer, last: boolean): [string, string][]}} [cutter] where its streams are no server-sent events
 * @property {Provider & {is(value: any): boolean}} [posing] another dialect that its servers may answer in (behaviour.md 2.1, Consequence A)
 */

/**
 * A client's dialect.
 *
 * @typedef {object} Client
 * @property {'openai' | 'anthropic' | 'google'} shape of its errors
 * @property {(body: any, form: import('./form.js').Form) => import('./form.js').Form} readRequest
 * @property {(answer: import('./form.js').Answer, form: import('./form.js').Form) => object} writeAnswer
 * @property {(form: import('./form.js').Form) => {write(event: import('./form.js').Event): string, end(): string}} [streamWriter]
 * @property {(fault: import('./form.js').Fault, requestId: string) => object} writeError
 */

/**
 * An attempt on its way, from js_access to the last chunk.
 *
 * @typedef {object} Work
 * @property {import('./form.js').Form} form
 * @property {Client} client
 * @property {Provider} provider
 * @property {string} requestId
 * @property {'error' | 'answer' | 'stream' | 'as it is'} kind
 * @property {boolean} begun whether the body's filter has been called before
 * @property {Buffer[]} chunks of what is collected
 * @property {number} bytes
 * @property {import('./told.js').Teller} told
 * @property {Stream | null} stream
 */

/**
 * @typedef {object} Stream
 * @property {{read(chunk: Buffer, last: boolean): [string, string][]}} cutter
 * @property {{read(name: string, data: string): import('./form.js').Event[]}} reader
 * @property {{write(event: import('./form.js').Event): string, end(): string}} writer
 * @property {boolean} first whether nothing of it has been read
 * @property {boolean} over whether the provider's last word came
 */

/** @typedef {NginxHTTPRequest & {work?: Work}} Request */

/** @type {Client} the one of this location */
let client;

/**
 * A location imports the module of its client's dialect, which says so here, beside that of its provider's.
 *
 * @param {Client} own
 */
export function serve(own) {
    client = own;
    return own;
}

/**
 * The functions that nginx.conf names.
 *
 * @param {Provider} provider
 */
export function translator(provider) {
    return {
        access: (/** @type {Request} */ r) => access(r, provider),
        header,
        body,
    };
}

/**
 * js_access. Returning lets nginx go on to proxy_pass.
 *
 * @param {Request} r
 * @param {Provider} provider
 */
async function access(r, provider) {
    const orders = /** @type {Orders} */ (JSON.parse(r.headersIn['X-Ostiary-Translate'] || ''));
    const requestId = r.headersIn['X-Request-Id'] || '';
    r.variables.translated_client = orders.client;
    let form;
    try {
        await r.readRequestArrayBuffer();
        const asked = JSON.parse(r.requestText || '');
        if (orders.id === undefined) { // without a plan: nothing of the single request is in the orders
            orders.id = r.headersIn['X-Ostiary-Id'] || '';
            orders.stream = asked.stream === true;
            orders.sse = true;
        }
        form = newForm(/** @type {any} */ (orders.client), orders.model, orders.stream);
        form.sse = orders.sse;
        const filled = client.readRequest(asked, form);
        const sent = JSON.stringify(provider.writeRequest(filled, {maxTokens: orders.max_tokens, provider: orders.provider}));
        send(r, orders, sent);
    } catch (error) {
        refuse(r, client, requestId, error);
        return;
    }
    r.work = {
        form, client, provider, requestId, kind: 'answer', begun: false, chunks: [], bytes: 0, told: teller(orders), stream: null,
    };
}

/**
 * @param {NginxHTTPRequest} r
 * @param {Client} client
 * @param {string} requestId
 * @param {any} error
 */
function refuse(r, client, requestId, error) {
    const param = error instanceof Inexpressible ? error.param : undefined;
    if (param === undefined) {
        complain(`translator: ${error}`);
    }
    const message = param === undefined ? 'the request cannot be read' : error.message;
    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut['x-ostiary-guard'] = REFUSED;
    r.return(400, JSON.stringify(client.writeError({status: 400, kind: 'invalid_request', message, param}, requestId)));
}

/**
 * js_header_filter.
 *
 * @param {Request} r
 */
function header(r) {
    const {work} = r;
    if (work === undefined) {
        return;
    }
    const out = r.headersOut;
    const {form, provider, client} = work;
    translateHeaders(r, client.shape);
    if (form.lost.length > 0) {
        out['x-ostiary-dropped'] = listed(form.lost);
    }
    delete out['Content-Length'];
    if (r.status >= 400) {
        work.kind = 'error';
        r.status = r.status === 529 && client.shape !== 'anthropic' ? 503 : r.status;
        out['Content-Type'] = 'application/json';
        return;
    }
    const type = out['Content-Type'] || '';
    const isStream = type.startsWith('text/event-stream') || type.startsWith('application/vnd.amazon.eventstream');
    if (isStream && provider.streamReader !== undefined && client.streamWriter !== undefined) {
        work.kind = 'stream';
        const cutter = provider.cutter === undefined ? eventReader() : provider.cutter();
        work.stream = {cutter, reader: provider.streamReader(), writer: client.streamWriter(form), first: true, over: false};
    }
    out['Content-Type'] = form.stream && form.sse !== false ? 'text/event-stream' : 'application/json';
}

/**
 * @param {string[]} names
 * @returns {string} that may be a header
 */
function listed(names) {
    const all = names.join(', ').replace(/[^ -~]/g, '?');
    return all.length <= LONGEST_LIST ? all : all.slice(0, all.lastIndexOf(', ', LONGEST_LIST)) + ', ...';
}

/**
 * js_body_filter. No flags are given to sendBuffer, see reply.js.
 *
 * @param {Request} r
 * @param {Buffer} chunk
 * @param {NginxHTTPSendBufferOptions} flags
 */
function body(r, chunk, flags) {
    const {work} = r;
    if (work === undefined) {
        r.sendBuffer(chunk);
        r.done();
        return;
    }
    if (chunk.length === 0 && !flags.last && work.begun) {
        r.sendBuffer(''); // the provider broke off: so does nginx then, and our own client says what has to be said
        return;
    }
    work.begun = true;
    if (work.kind === 'as it is') {
        r.sendBuffer(chunk);
    } else if (work.kind === 'stream') {
        const shown = pass(work, chunk, flags.last === true);
        if (shown.length > 0 || flags.last) {
            r.sendBuffer(shown);
        }
    } else {
        collect(work, chunk);
        if (flags.last) {
            r.sendBuffer(whole(r, work, joined(work.chunks)));
        }
    }
}

/**
 * @param {Buffer[]} chunks
 * @returns {Buffer}
 */
function joined(chunks) {
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

/**
 * @param {Work} work
 * @param {Buffer} chunk
 */
function collect(work, chunk) {
    if (work.kind === 'error' && work.bytes >= MOST_OF_AN_ERROR) {
        return;
    }
    if (chunk.length > 0) {
        work.chunks.push(chunk);
        work.bytes += chunk.length;
    }
    if (work.chunks.length > 64) {
        work.chunks = [Buffer.concat(work.chunks)];
    }
}

/**
 * @param {Work} work
 * @param {Buffer} chunk
 * @param {boolean} last
 * @returns {string | Buffer}
 */
function pass(work, chunk, last) {
    const stream = /** @type {Stream} */ (work.stream);
    let shown = '';
    for (const [name, data] of stream.cutter.read(chunk, last)) {
        const {posing} = work.provider;
        if (stream.first && data === '' && posing !== undefined) {
            continue;
        }
        if (stream.first && data !== '') {
            stream.first = false;
            if (posing !== undefined && posing.is(parsed(data))) {
                if (work.form.dialect === posing.dialect) {
                    work.kind = 'as it is';
                    return Buffer.concat([...work.chunks, chunk]);
                }
                stream.reader = /** @type {any} */ (posing.streamReader)();
            }
        }
        if (stream.over) {
            break;
        }
        const events = data === '' ? [/** @type {const} */ ({type: 'ping'})] : stream.reader.read(name, data);
        for (const event of events) {
            work.told.see(event);
            stream.over = stream.over || event.type === 'end' || event.type === 'fault';
            shown += stream.writer.write(event);
        }
    }
    if (stream.first && work.provider.posing !== undefined) {
        work.chunks.push(chunk); // nothing has been shown of it
    } else if (work.chunks.length > 0) {
        work.chunks = [];
    }
    keep(work.told);
    return last && !stream.over ? shown + stream.writer.end() : shown;
}

/**
 * @param {Request} r
 * @param {Work} work
 * @param {Buffer} bytes
 * @returns {string | Buffer}
 */
function whole(r, work, bytes) {
    const value = parsed(bytes.toString());
    const {client, form, provider} = work;
    const {posing} = provider;
    const reader = posing !== undefined && posing.is(value) ? posing : provider;
    if (reader === posing && form.dialect === reader.dialect) {
        return bytes;
    }
    if (work.kind === 'error') {
        const fault = reader.readError(r.status, value === undefined ? bytes.toString() : value);
        return JSON.stringify(client.writeError(fault, work.requestId));
    }
    if (value === undefined) {
        throw new Error('the provider\'s answer is not JSON');
    }
    const answer = reader.readAnswer(value);
    work.told.answer(answer);
    keep(work.told);
    if (form.stream && client.streamWriter !== undefined) {
        return streamed(answer, client.streamWriter(form));
    }
    return JSON.stringify(client.writeAnswer(answer, form));
}

/**
 * @param {string} text
 * @returns {any} undefined if it is not JSON
 */
function parsed(text) {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}
