// What the golden cases of the translation are made of: inputs of each dialect, crossed by the pairs that are translated.
//
// tests/golden/translate/inputs/requests/<client>.json    {name: {request, stream?, model?, orders?}}
// tests/golden/translate/inputs/answers/<provider>.json   {name: {answer} | {stream: [data | [name, data]]} | {status, error}}; tools, reasoning: of the form
// tests/golden/translate/<client>-to-<provider>/<name>.json   what comes of one: the inputs again, and
//     of a request  `sent` and `dropped`, or `refused` {param, message}
//     of an answer  `shown`, `shown_stream` (data of the events; a comment as it stands) or `shown_error`
//
// The files are written anew by `UPDATE=1 node --test tests/njs/translate_golden.test.js`; the Python half
// (tests/unit/translate/test_golden.py) holds them to the strict fakes and to the types of the official SDKs.
import {existsSync, readFileSync} from 'node:fs';
import {mock} from 'node:test';

mock.method(Date, 'now', () => 1800000000000);
mock.method(Math, 'random', () => 0.5);

const modules = new URL('../../gateway/nginx/njs/translate/', import.meta.url);
export const folder = new URL('../golden/translate/', import.meta.url);
const {Inexpressible, newForm} = await import(new URL('form.js', modules));

// contract/dialect.py TRANSLATIONS; the Python half compares
export const PAIRS = {
    chat: ['messages', 'generate', 'converse', 'responses'],
    completions: ['chat', 'messages', 'generate', 'converse', 'responses'],
    responses: ['chat', 'messages', 'generate', 'converse'],
    messages: ['converse', 'chat', 'generate', 'responses'],
    generate: ['chat', 'messages', 'converse', 'responses'],
    embeddings: ['embed'],
};
const MODEL = 'target-model';
const ORDERS = {maxTokens: 4096};

function inputs(kind, dialect) {
    const file = new URL(`inputs/${kind}/${dialect}.json`, folder);
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/** As JSON has it: without what is undefined. */
const plain = (value) => JSON.parse(JSON.stringify(value));

/** @returns {Promise<any>} the one function of that file of that dialect */
export async function part(dialect, file, name) {
    return (await import(new URL(`${dialect}/${file}.js`, modules)))[name];
}

const hasFile = (dialect, file) => existsSync(new URL(`${dialect}/${file}.js`, modules));

/** @returns {Promise<any[]>} all cases, as they come out */
export async function allCases() {
    const cases = [];
    for (const [client, providers] of Object.entries(PAIRS)) {
        for (const provider of providers.filter((one) => hasFile(one, 'request_writer') && hasFile(client, 'request_reader'))) {
            for (const [name, input] of Object.entries(inputs('requests', client))) {
                cases.push({name, client, provider, ...input, ...await requested(client, provider, input)});
            }
            for (const [name, input] of Object.entries(inputs('answers', provider))) {
                cases.push({name, client, provider, ...input, ...await answered(client, provider, input)});
            }
        }
    }
    return cases;
}

async function requested(client, provider, {request, stream, model = MODEL, orders = ORDERS}) {
    const read = await part(client, 'request_reader', 'readRequest');
    const write = await part(provider, 'request_writer', 'writeRequest');
    const form = newForm(client, model, stream === undefined ? request.stream === true : stream);
    try {
        read(request, form);
        return plain({sent: write(form, orders), dropped: form.lost});
    } catch (error) {
        if (error instanceof Inexpressible) {
            return {refused: {param: error.param, message: error.message}};
        }
        throw error;
    }
}

async function answered(client, provider, {answer, stream, status, error, tools = [], reasoning}) {
    const form = Object.assign(newForm(client, MODEL, stream !== undefined), {askedUsage: true, sse: true, tools, reasoning});
    if (answer !== undefined) {
        return {shown: plain((await part(client, 'answer_writer', 'writeAnswer'))((await part(provider, 'answer_reader', 'readAnswer'))(answer), form))};
    }
    if (stream === undefined) {
        const fault = (await part(provider, 'errors', 'readError'))(status, error);
        return {shown_error: plain((await part(client, 'errors', 'writeError'))(fault, 'req_1'))};
    }
    if (client === 'embeddings') {
        throw new Error('embeddings are not streamed');
    }
    const reader = (await part(provider, 'stream_reader', 'streamReader'))();
    const writer = (await part(client, 'stream_writer', 'streamWriter'))(form);
    let text = '';
    for (const [name, data] of stream.map(named)) {
        for (const event of reader.read(name, data)) {
            text += writer.write(event);
        }
    }
    return {shown_stream: events(text + writer.end())};
}

/** An event of an input as the runtime gives it to a reader. */
export function named(event) {
    if (Array.isArray(event)) {
        return [event[0], JSON.stringify(event[1])];
    }
    return typeof event === 'string' ? ['', event] : [event.type || '', JSON.stringify(event)];
}

/** The events of a stream of server-sent events; a name that its data does not repeat is an error. */
export function events(text) {
    return text.replaceAll('\r\n', '\n').split('\n\n').filter(Boolean).map((event) => {
        if (event.startsWith(':')) {
            return event;
        }
        const lines = event.split('\n');
        const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n');
        const value = data === '[DONE]' ? data : JSON.parse(data);
        const name = lines.find((line) => line.startsWith('event: '));
        if (name !== undefined && name.slice(7) !== value.type) {
            throw new Error(`${name} holds ${value.type}`);
        }
        return value;
    });
}
