// @ts-check
// The one intermediate form between the dialects. Each dialect has a reader into it and a writer out of it, in a folder of
// its own; no module knows two dialects. What a reader cannot put into the form, or a writer not say, is never dropped in
// silence: `lose` lists it (response header x-ostiary-dropped), `refuse` ends the request with a 400 that names the field.

/**
 * @typedef {'chat' | 'completions' | 'responses' | 'embeddings' | 'messages' | 'generate' | 'embed' | 'converse'} Dialect
 *
 * A request.
 *
 * @typedef {object} Form
 * @property {Dialect} dialect that the client speaks
 * @property {string} model the provider's
 * @property {boolean} stream
 * @property {Part[]} system text parts, in the order in which system and developer messages came
 * @property {Message[]} messages user and assistant by turns or not; results of tools are parts of user messages
 * @property {Tool[]} tools
 * @property {ToolChoice} [toolChoice]
 * @property {boolean} [parallelTools]
 * @property {number} [maxTokens]
 * @property {number} [temperature]
 * @property {number} [topP]
 * @property {number} [topK]
 * @property {string[]} [stop]
 * @property {number} [seed]
 * @property {number} [n]
 * @property {number} [frequencyPenalty]
 * @property {number} [presencePenalty]
 * @property {number} [logprobs] how many alternatives a token, 0 is only the token's own; absent is none at all
 * @property {object} [logitBias]
 * @property {Format} [format]
 * @property {Reasoning} [reasoning]
 * @property {string} [user]
 * @property {Record<string, any>} [metadata]
 * @property {string} [serviceTier]
 * @property {Record<string, any>} [openai] what OpenAI's dialects share word for word and nobody else has (prompt_cache_key, store,
 *     verbosity ...): written by chat and responses, listed by loseOpenai() elsewhere
 * @property {{inputs: string[], dimensions?: number, base64?: boolean}} [embed] embeddings: the texts, instead of messages
 * @property {boolean} [askedUsage] chat streams: whether the client wants the chunk with the usage
 * @property {boolean} [sse] generate: whether the client wants its stream as server-sent events, else it is one JSON array
 * @property {Record<string, any>} [echo] responses: fields of the request that its answer repeats
 * @property {Record<string, string>} names what the client calls a field of this form where it is not the field's own name
 * @property {string[]} lost fields, by the client's names, that the provider is not told
 *
 * @typedef {{role: 'user' | 'assistant', parts: Part[], name?: string}} Message
 *
 * `cache` is Anthropic's cache_control of the part ({type, ttl}); converse writes it as a cachePoint. `place` is where the client
 * said it (`messages[2].content[0]`), for a refusal.
 *
 * @typedef {TextPart | MediaPart | ToolCallPart | ToolResultPart | ThinkingPart} Part
 * @typedef {{kind: 'text', text: string, refusal?: boolean, citations?: any[], cache?: object}} TextPart
 *
 * Either `url` or `data` (base64, with `mediaType`) or, documents only, `text`.
 *
 * @typedef {{kind: 'image' | 'document' | 'audio' | 'video', url?: string, data?: string, text?: string, mediaType?: string,
 *     name?: string, detail?: string, cache?: object, place?: string}} MediaPart
 * @typedef {{kind: 'toolCall', id: string, name: string, arguments: string, signature?: string, cache?: object, place?: string}} ToolCallPart
 *     `arguments` is JSON text, never parsed and put together again unless the target wants an object
 * @typedef {{kind: 'toolResult', id: string, name?: string, parts: Part[], isError?: boolean, cache?: object, place?: string}} ToolResultPart
 *
 * A signature proves to its maker that it thought this itself; see sign() and signatureFor().
 *
 * @typedef {{kind: 'thinking', text: string, signature?: string, redacted?: boolean}} ThinkingPart redacted: `signature` holds all of it
 *
 * @typedef {{name: string, description?: string, schema: object, strict?: boolean, custom?: boolean, cache?: object,
 *     client?: {name: string, namespace: string}}} Tool
 *     custom: its only argument is `input`, a text that is no JSON; client: what the client calls it, where that is not `name`
 * @typedef {{kind: 'auto' | 'none' | 'any' | 'tool', name?: string}} ToolChoice any: some tool must be called
 * @typedef {{kind: 'text' | 'json' | 'schema', name?: string, description?: string, schema?: object, strict?: boolean}} Format
 * @typedef {{effort?: 'none' | 'minimal' | 'low' | 'medium' | 'high' | 'xhigh' | 'max', budget?: number, adaptive?: boolean, summary?: string}} Reasoning
 *     what the client said; EFFORT_BUDGET is between the two ways to say it
 *
 * An answer that came in one piece.
 *
 * @typedef {object} Answer
 * @property {string} id
 * @property {string} model
 * @property {number} created Unix seconds, 0 if the provider does not say
 * @property {Choice[]} choices
 * @property {Usage | null} usage
 * @property {string} [serviceTier]
 * @property {number[][]} [vectors] embeddings, instead of choices
 *
 * @typedef {{parts: Part[], stop: Stop, sequence?: string, logprobs?: Logprob[]}} Choice
 * @typedef {'stop' | 'length' | 'tool' | 'filter' | 'refusal' | 'sequence' | 'pause'} Stop
 * @typedef {{token: string, logprob: number, bytes?: number[] | null, top: {token: string, logprob: number, bytes?: number[] | null}[]}} Logprob
 *
 * Tokens. `input` is all of it, cached and written to a cache included; `output` includes `reasoning`.
 *
 * @typedef {object} Usage
 * @property {number} input
 * @property {number} output
 * @property {number} cacheRead
 * @property {number} cacheWrite
 * @property {number} reasoning
 * @property {object} raw the provider's own usage object, for the ledger
 *
 * An event of a stream. Parts come one after another within a choice; `part` is a number that a reader gives to each, from 0.
 *
 * @typedef {{type: 'start', id: string, model: string, created: number, usage?: Usage}
 *     | {type: 'open', choice: number, part: number, kind: 'text' | 'refusal' | 'thinking' | 'toolCall', id?: string, name?: string, signature?: string}
 *     | {type: 'piece', choice: number, part: number, text: string, logprobs?: Logprob[]}
 *     | {type: 'signature', choice: number, part: number, signature: string, redacted?: boolean}
 *     | {type: 'close', choice: number, part: number}
 *     | {type: 'stop', choice: number, stop: Stop, sequence?: string}
 *     | {type: 'usage', usage: Usage}
 *     | {type: 'ping'}
 *     | {type: 'fault', fault: Fault}
 *     | {type: 'end'}} Event `end`: the provider's last word came (after it nothing is written)
 *
 * An error of the provider.
 *
 * @typedef {object} Fault
 * @property {number} status what the client is answered
 * @property {string} message
 * @property {'invalid_request' | 'authentication' | 'billing' | 'permission' | 'not_found' | 'too_large' | 'rate_limit' | 'server' | 'overloaded' | 'timeout'} kind
 * @property {string} [code] the provider's own word for it, where it has one
 * @property {number} [retryAfter] seconds, where the body says it
 * @property {string} [param]
 */

/**
 * The modules of a dialect, by file:
 *
 *   request_reader.js   export function readRequest(body: any, form: Form): Form            fills a form made by newForm()
 *   request_writer.js   export function writeRequest(form: Form, orders: Orders): object    the provider's body
 *   answer_reader.js    export function readAnswer(value: any): Answer
 *   answer_writer.js    export function writeAnswer(answer: Answer, form: Form): object
 *   stream_reader.js    export function streamReader(): {read(name: string, data: string): Event[]}       one event of the provider in
 *   stream_writer.js    export function streamWriter(form: Form): {write(event: Event): string, end(): string}   text of server-sent events out
 *   errors.js           export function readError(status: number, body: any): Fault         body: parsed JSON, or text
 *                       export function writeError(fault: Fault, requestId: string): object
 *                       export function errorEvent(fault: Fault): string                    that ends a stream
 *
 * `end()` says what is missing where a provider stopped without its last word. Modules are pure: no r, no ngx, no clock but
 * `now()` below.
 *
 * @typedef {{maxTokens: number, provider?: string}} Orders maxTokens: what a request gets that names none and must; provider: its type
 */

/** Budgets of thinking tokens for words of effort, where a provider wants the other one. */
export const EFFORT_BUDGET = {none: 0, minimal: 1024, low: 2048, medium: 8192, high: 16384, xhigh: 32768, max: 65536};

/** What the request or an answer says cannot be said to the other side. */
export class Inexpressible extends Error {
    /**
     * @param {string} param the field, by the client's name
     * @param {string} message
     */
    constructor(param, message) {
        super(message);
        this.param = param;
    }
}

/**
 * @param {Dialect} dialect
 * @param {string} model
 * @param {boolean} stream
 * @returns {Form}
 */
export function newForm(dialect, model, stream) {
    return {dialect, model, stream, system: [], messages: [], tools: [], names: {}, lost: []};
}

/**
 * @param {Form} form
 * @param {string} field of the form
 * @returns {string} as the client calls it
 */
export function nameOf(form, field) {
    return form.names[field] || field;
}

/**
 * A 400 that names the field.
 *
 * @param {string} param by the client's name, with its place: `messages[2].content[0].file_id`
 * @param {string} why what cannot be done, as the end of a sentence: "has no counterpart in Anthropic's Messages"
 * @returns {never}
 */
export function refuse(param, why) {
    throw new Inexpressible(param, `'${param}' ${why}`);
}

/**
 * A listed loss: the answer is as the client would have it without the field, or nearly so.
 *
 * @param {Form} form
 * @param {string} field of the form, or the client's own name of it
 */
export function lose(form, field) {
    const name = nameOf(form, field);
    if (!form.lost.includes(name)) {
        form.lost.push(name);
    }
}

/**
 * List what nobody has read: fields that a dialect has gained since, or that somebody misspelled.
 *
 * @param {Form} form
 * @param {Record<string, any>} value
 * @param {readonly string[]} known
 * @param {string} [place] `messages[0].`
 */
export function loseUnknown(form, value, known, place = '') {
    for (const name of Object.keys(value)) {
        if (value[name] !== null && value[name] !== undefined && !known.includes(name)) {
            lose(form, place + name);
        }
    }
}

/** @param {Form} form that goes to somebody who has nothing like these */
export function loseOpenai(form) {
    Object.keys(form.openai || {}).forEach((name) => lose(form, name));
}

/**
 * @param {Reasoning | undefined} reasoning
 * @returns {Reasoning['effort']} the word that a client said, or that its budget means; every model that takes words takes these
 */
export function effortOf(reasoning) {
    if (reasoning === undefined || reasoning.effort !== undefined || reasoning.budget === undefined) {
        return reasoning && reasoning.effort;
    }
    const budget = reasoning.budget;
    return budget <= 0 ? 'none' : budget < EFFORT_BUDGET.medium ? 'low' : budget < EFFORT_BUDGET.high ? 'medium' : 'high';
}

/**
 * @param {string} id of a tool call
 * @returns {string} of the letters that every provider takes; the same for the same
 */
export function plainId(id) {
    return id.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 64);
}

/**
 * A signature on its way to a client of another dialect: it comes back with the next turn and must reach nobody but its maker.
 *
 * @param {Dialect} maker
 * @param {string} signature
 * @returns {string}
 */
export function sign(maker, signature) {
    return `ostiary.${maker}.${signature}`;
}

/**
 * @param {Dialect} target
 * @param {string | undefined} signature as the client shows it
 * @returns {string | undefined} what the target may be shown; undefined if it is another's
 */
export function signatureFor(target, signature) {
    const prefix = `ostiary.${target}.`;
    return signature !== undefined && signature.startsWith(prefix) ? signature.slice(prefix.length) : undefined;
}

/** @returns {number} Unix seconds */
export function now() {
    return Math.floor(Date.now() / 1000);
}
