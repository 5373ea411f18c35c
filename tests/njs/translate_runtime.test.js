// The translator's own part: events cut anywhere, headers, what is told of usage, and an attempt from its request to its answer.
import assert from 'node:assert/strict';
import {beforeEach, test} from 'node:test';
import {FakeRequest, install} from './fakes.js';

const ngx = install();
const {eventReader} = await import('../../gateway/nginx/njs/translate/events.js');
const {stamped, translateHeaders, until} = await import('../../gateway/nginx/njs/translate/headers.js');
const {keep, teller} = await import('../../gateway/nginx/njs/translate/told.js');
const {default: verdict} = await import('../../gateway/nginx/njs/translate/verdict.js');
const {serve, translator} = await import('../../gateway/nginx/njs/translate/translator.js');
const {refuse} = await import('../../gateway/nginx/njs/translate/form.js');

beforeEach(() => Object.values(ngx.shared).forEach((dict) => dict.entries.clear()));

const STREAM = Buffer.from('\ufeff: hi\n\nevent: a\ndata: {"x":"grüezi 世界 😀"}\n\ndata:one\r\ndata: two\r\n\r\nid: 7\nevent: b\ndata:\n\ndata: last');
const EVENTS = [['', ''], ['a', '{"x":"grüezi 世界 😀"}'], ['', 'one\ntwo'], ['b', ''], ['', 'last']];

function read(sizes) {
    const reader = eventReader();
    const found = [];
    for (let at = 0, i = 0; at < STREAM.length; i += 1) {
        const size = sizes[i % sizes.length];
        found.push(...reader.read(STREAM.subarray(at, at + size), false));
        at += size;
    }
    return [...found, ...reader.read(Buffer.alloc(0), true)];
}

for (const sizes of [[1], [2], [3], [5, 1], [7, 2, 1], [1000], [40, 3]]) {
    test(`pl_24 events are the same in pieces of ${sizes} bytes`, () => assert.deepEqual(read(sizes), EVENTS));
}

test('pl_24 events in one chunk come together, and an open one waits', () => {
    const reader = eventReader();
    assert.deepEqual(reader.read(Buffer.from('data: 1\n\ndata: 2\n\ndata: '), false), [['', '1'], ['', '2']]);
    assert.deepEqual(reader.read(Buffer.from('3'), false), []);
    assert.deepEqual(reader.read(Buffer.from('\n'), false), []);
    assert.deepEqual(reader.read(Buffer.from('\n'), false), [['', '3']]);
});

test('pl_24 an event without an end is not kept for ever', () => {
    const reader = eventReader();
    const piece = Buffer.alloc(1024 * 1024, 'x');
    assert.throws(() => { for (let i = 0; i < 20; i += 1) { reader.read(piece, false); } }, /no end/);
});

function answered(given, shape) {
    const headersOut = {...given};
    translateHeaders(new FakeRequest({headersOut, rawHeadersOut: Object.entries(given)}), shape);
    return headersOut;
}

test('pl_24 limits are told in the words of the client\'s SDK', () => {
    const openai = {'x-ratelimit-limit-requests': '60', 'X-RateLimit-Remaining-Tokens': '9', 'x-ratelimit-reset-requests': '1m0s', 'retry-after': '3'};
    const told = answered(openai, 'anthropic');
    assert.deepEqual(Object.keys(told).sort(), [
        'anthropic-ratelimit-requests-limit', 'anthropic-ratelimit-requests-reset', 'anthropic-ratelimit-tokens-remaining', 'retry-after',
    ]);
    assert.match(told['anthropic-ratelimit-requests-reset'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const anthropic = {'anthropic-ratelimit-tokens-limit': '5', 'anthropic-ratelimit-tokens-reset': '2020-01-01T00:00:00Z'};
    assert.deepEqual(answered(anthropic, 'openai'), {'x-ratelimit-limit-tokens': '5', 'x-ratelimit-reset-tokens': '0ms'});
    assert.deepEqual(answered(openai, 'openai'), openai, 'its own words stay');
});

for (const name of ['request-id', 'X-Request-Id', 'x-amzn-RequestId']) {
    test(`pl_24 the provider's ${name} is kept under a name of ours`, () => {
        assert.equal(answered({[name]: 'req_1'}, 'openai')['x-ostiary-provider-request-id'], 'req_1');
    });
}

for (const [text, ms] of [['20ms', 20], ['1.5s', 1500], ['6m0s', 360_000], ['1h0m1s', 3_601_000], ['2', 2000], ['', 0]]) {
    test(`pl_24 '${text}' from now is a time`, () => assert.equal(stamped(text, 0), new Date(ms).toISOString().replace(/\.\d+/, '')));
}

test('pl_24 a time is so long from now', () => {
    assert.equal(until('1970-01-01T00:01:00Z', 0), '1m0s');
    assert.equal(until('soon', 0), 'soon');
});

function told(...events) {
    const mine = teller({id: 'e-1'});
    events.forEach((event) => mine.see(event));
    keep(mine);
    return JSON.parse(ngx.shared.ostiary_told.get('e-1') || 'null');
}

test('pl_24 usage is told as the provider said it: the beginning\'s and the newest', () => {
    const start = {type: 'start', id: '', model: 'm', created: 0, usage: {raw: {input_tokens: 3, service_tier: 'x'}}};
    const usage = (n) => ({type: 'usage', usage: {raw: {output_tokens: n}}});
    assert.equal(told({type: 'ping'}), null);
    assert.deepEqual(told(start), {stream: true, model: 'm', usage: [{input_tokens: 3}]});
    assert.deepEqual(told(start, usage(1), usage(9)), {stream: true, model: 'm', usage: [{input_tokens: 3}, {output_tokens: 9}]});
    assert.deepEqual(told(usage(4)), {stream: true, model: null, usage: [{output_tokens: 4}]});
});

for (const [client, status, connect, expected] of [
    ['chat', '504', '0.001', ['timeout', 504, 'server_error']], ['messages', '504', '0.001', ['timeout', 504, 'timeout_error']],
    ['chat', '504', '-', ['connection', 502, 'server_error']], ['generate', '502', '0.000', ['connection', 502, undefined]],
    ['chat', '500', undefined, ['connection', 502, 'server_error']],
]) {
    test(`pl_24 nginx's ${status} is the provider's silence or its absence: ${client} ${connect}`, () => {
        const variables = {status, upstream_connect_time: connect, translated_client: client};
        const r = new FakeRequest({variables});
        verdict.say(r);
        assert.deepEqual([r.headersOut['x-ostiary-guard'], r.status, JSON.parse(r.body).error.type], expected);
    });
}

// A client and a provider that say words.

const client = {
    shape: 'openai',
    readRequest: (body, form) => Object.assign(form, {words: body.words ?? refuse('words', 'is missing'), lost: body.lost || []}),
    writeAnswer: (answer) => ({said: answer.text}),
    streamWriter: () => ({write: (event) => (event.type === 'ping' ? ':\n\n' : `${event.text || event.type}\n`), end: () => 'ended\n'}),
    writeError: ({status, message, param}, id) => ({status, message, param, id}),
};
const provider = {
    dialect: 'messages',
    writeRequest: (form, orders) => ({model: form.model, words: form.words, most: orders.maxTokens}),
    readAnswer: (value) => ({text: value.text, model: 'm', choices: [], usage: {raw: {input_tokens: 1}}}),
    streamReader: () => ({read: (name, data) => (data === 'end' ? [{type: 'end'}] : [{type: 'piece', text: `${name}=${data}`}])}),
    readError: (status, body) => ({status, kind: 'server', message: body.why || body}),
};
const posing = {...provider, dialect: 'chat', is: (value) => typeof value === 'object' && value.choices !== undefined,
    readAnswer: (value) => ({text: value.choices, model: '', choices: [], usage: null})};
const ORDERS = {
    id: 'e-1', client: 'chat', stream: false, sse: true, model: 'theirs', provider: 'anthropic', base: 'http://up/base', host: 'h.test:8443',
    path: '/p', stream_path: '/s', max_tokens: 5,
};

async function begin(body, orders = {}, own = provider) {
    serve(client);
    const at = translator(own);
    const headersIn = {'X-Ostiary-Translate': JSON.stringify({...ORDERS, ...orders}), 'X-Request-Id': 'r-1'};
    const r = new FakeRequest({headersIn, requestText: JSON.stringify(body), rawHeadersOut: []});
    await at.access(r);
    return [r, at];
}

function answer(r, at, status, type, ...chunks) {
    r.status = status;
    r.headersOut = {'Content-Type': type, 'Content-Length': '9'};
    at.header(r);
    chunks.forEach((chunk, i) => at.body(r, Buffer.from(chunk), {last: i === chunks.length - 1}));
    return r;
}

test('pl_24 a request goes on in the provider\'s words', async () => {
    const [r] = await begin({words: 'hi'});
    const v = r.variables;
    assert.deepEqual(JSON.parse(v.translated_body), {model: 'theirs', words: 'hi', most: 5});
    assert.deepEqual([v.translated_base, v.translated_place, v.translated_host, v.translated_name], ['http://up/base', '/p', 'h.test:8443', 'h.test']);
    assert.equal((await begin({words: ''}, {stream: true}))[0].variables.translated_place, '/s');
});

test('pl_24 what cannot be said names its field, and what cannot be read does not', async () => {
    const [refused] = await begin({});
    assert.deepEqual([refused.status, refused.headersOut['x-ostiary-guard']], [400, 'refused']);
    assert.deepEqual(JSON.parse(refused.body), {status: 400, message: "'words' is missing", param: 'words', id: 'r-1'});
    const [unread] = await begin(null);
    assert.deepEqual([unread.status, JSON.parse(unread.body).message], [400, 'the request cannot be read']);
});

test('pl_24 a whole answer comes in one piece, in the client\'s words', async () => {
    const [r, at] = await begin({words: '', lost: ['seed', 'a\r\nb']});
    answer(r, at, 200, 'application/json', '{"te', 'xt":"é', '"}', '');
    assert.deepEqual(r.sent.map(String), ['{"said":"é"}']);
    assert.deepEqual([r.headersOut['Content-Length'], r.headersOut['x-ostiary-dropped']], [undefined, 'seed, a??b']);
    assert.deepEqual(JSON.parse(ngx.shared.ostiary_told.get('e-1')).usage, [{input_tokens: 1}]);
});

test('pl_24 a list of losses that is too long for a header is cut', async () => {
    const [r, at] = await begin({words: '', lost: Array.from({length: 10_000}, (_, i) => `field_${i}`)});
    answer(r, at, 200, 'application/json', '{}', '');
    const said = r.headersOut['x-ostiary-dropped'];
    assert.ok(said.length < 2010 && said.endsWith(', ...'), said.slice(-30));
});

test('pl_24 a stream goes event by event, each chunk at once, and nothing follows its last word', async () => {
    const [r, at] = await begin({words: ''}, {stream: true});
    answer(r, at, 200, 'text/event-stream', 'data: 1\n\nevent: n\ndata: 2\n\nda', 'ta: 3\n\n:\n\n', 'data: end\n\ndata: 4\n\n', '');
    assert.deepEqual(r.sent.map(String), ['=1\nn=2\n', '=3\n:\n\n', 'end\n', '']);
});

test('pl_24 a stream without a last word gets one, a broken one does not', async () => {
    const [r, at] = await begin({words: ''}, {stream: true});
    answer(r, at, 200, 'text/event-stream', 'data: 1\n\n', '');
    assert.equal(r.text, '=1\nended\n');
    const [broken, where] = await begin({words: ''}, {stream: true});
    answer(broken, where, 200, 'text/event-stream', 'data: 1\n\n', 'data: 2');
    where.body(broken, Buffer.from(''), {last: false});
    assert.equal(broken.sent.at(-1).toString(), '');
});

test('pl_24 a whole answer to who asked for a stream is made one', async () => {
    const [r, at] = await begin({words: ''}, {stream: true});
    answer(r, at, 200, 'application/json', '{"text":"x"}', '');
    assert.equal(r.headersOut['Content-Type'], 'text/event-stream');
    assert.equal(r.text, 'start\nusage\nend\n');
});

test('pl_24 an error is the client\'s, and not as long as it likes', async () => {
    const [r, at] = await begin({words: ''});
    answer(r, at, 529, 'application/json', '{"why":"full"}', '');
    assert.deepEqual([r.status, JSON.parse(r.text)], [503, {status: 503, message: 'full', id: 'r-1'}]);
    const [page, where] = await begin({words: ''});
    answer(page, where, 500, 'text/html', ...Array.from({length: 40}, () => 'x'.repeat(8192)), '');
    assert.equal(JSON.parse(page.text).message.length, 65_536);
});

test('pl_24 consequence A: an answer in OpenAI\'s shape goes to its client byte for byte, to others through its reader', async () => {
    const whole = '{ "choices":"odd" , "n":1.0}';
    const events = ['data: {"choi', 'ces":"a"}\n\n', 'data: x\n\n', ''];
    const own = {...provider, posing};
    const [r, at] = await begin({words: ''}, {}, own);
    assert.equal(answer(r, at, 200, 'application/json', whole, '').text, whole);
    const [s, there] = await begin({words: ''}, {stream: true}, own);
    assert.equal(answer(s, there, 200, 'text/event-stream', ...events).text, events.join(''));
    const [other, where] = await begin({words: ''}, {client: 'responses'}, own);
    assert.equal(answer(other, where, 200, 'application/json', whole, '').text, '{"said":"odd"}');
});

test('our own answers pass the filters untouched', () => {
    const at = translator(provider);
    const r = new FakeRequest({headersOut: {'Content-Length': '1'}});
    at.header(r);
    at.body(r, Buffer.from('x'), {last: true});
    assert.deepEqual([r.text, r.headersOut['Content-Length'], r.isDone], ['x', '1', true]);
});
