// The collector against the golden cases that the sidecar's reader has to pass too, split in every way.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {test} from 'node:test';
import {FakeRequest, install} from './fakes.js';

install();
const {body, collect, told} = (await import('../../gateway/nginx/njs/reply.js'));
const folder = new URL('../golden/usage/', import.meta.url);
const cases = readdirSync(folder).map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));
const ENTRY = {id: 'e-1', fields: 'f'};

/** The reply in pieces through the body filter; what the log phase tells of it. */
function collected(pieces, {cut = false, length} = {}) {
    const variables = length === undefined ? {} : {upstream_http_content_length: String(length)};
    const r = new FakeRequest({variables});
    collect(r, ENTRY);
    for (const piece of pieces) {
        if (!r.isDone) {
            body(r, piece, {last: false});
        }
    }
    if (!cut && !r.isDone) {
        body(r, Buffer.alloc(0), {last: true});
    }
    return {...JSON.parse(told(r)), text: r.text};
}

function inPieces(bytes, size) {
    const pieces = [];
    for (let at = 0; at < bytes.length; at += size) {
        pieces.push(bytes.subarray(at, at + size));
    }
    return pieces;
}

function check(result, golden) {
    assert.equal(result.last, true);
    assert.deepEqual(result.usage ?? [], golden.raw);
    assert.equal(result.model ?? null, golden.model);
    assert.equal(result.text, golden.body);
}

assert.ok(cases.length >= 20);
for (const golden of cases) {
    const bytes = Buffer.from(golden.body);
    test(`lm_20 usage of ${golden.name} in one piece`, () => {
        check(collected([bytes]), golden);
        check(collected([bytes], {length: bytes.length}), golden);
    });
    test(`lm_20 usage of ${golden.name} split at every byte`, () => {
        for (let at = 1; at < bytes.length; at += 1) {
            check(collected([bytes.subarray(0, at), bytes.subarray(at)]), golden);
        }
    });
    test(`lm_20 usage of ${golden.name} in pieces of any size`, () => {
        for (const size of [1, 2, 3, 7, 64, 100, 250]) {
            check(collected(inPieces(bytes, size)), golden);
        }
    });
    test(`lm_20 usage of ${golden.name} with other line ends`, () => {
        const other = golden.body.includes('\r\n') ? golden.body.replaceAll('\r\n', '\n') : golden.body.replaceAll('\n', '\r\n');
        check(collected(inPieces(Buffer.from(other), 33)), {...golden, body: other});
    });
}

const FILLER = 'data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"0123456789"}}],"usage":null}\n\n';
const golden = (name) => cases.find((one) => one.name === name);

test('lm_20 usage of a stream far longer than what is kept', () => {
    const {body: stream, raw, model} = golden('openai_chat_stream');
    const cutAt = stream.indexOf('\n\n') + 2;
    const long = stream.slice(0, cutAt) + FILLER.repeat(2000) + stream.slice(cutAt);
    for (const size of [64, 1000, 16384]) {
        const result = collected(inPieces(Buffer.from(long), size));
        assert.deepEqual([result.usage, result.model], [raw, model]);
    }
});

test('lm_20 usage of an Anthropic stream far longer than what is kept', () => {
    const {body: stream, raw, model} = golden('anthropic_stream');
    const cutAt = stream.indexOf('event: message_delta');
    const filler = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}\n\n';
    const result = collected(inPieces(Buffer.from(stream.slice(0, cutAt) + filler.repeat(2000) + stream.slice(cutAt)), 4096));
    assert.deepEqual([result.usage, result.model], [raw, model]);
});

test('lm_20 usage of a Responses stream whose last event is longer than what is kept', () => {
    const {body: stream, raw, model} = golden('openai_responses_stream_metadata_after_usage');
    const at = stream.lastIndexOf('"output":[]');
    const text = JSON.stringify('"usage":{"input_tokens":1} '.repeat(4000));
    const long = `${stream.slice(0, at)}"output":[{"text":${text}}]${stream.slice(at + 11)}`;
    const result = collected(inPieces(Buffer.from(long), 4096));
    assert.deepEqual([result.usage, result.model], [raw, model]);
});

test('lm_20 usage and model of a JSON reply longer than what is kept', () => {
    const content = 'say "usage":{"prompt_tokens":1}} '.repeat(3000);
    const usage = {prompt_tokens: 5, completion_tokens: 7, details: {cached_tokens: 1}};
    const reply = JSON.stringify({id: 'x', model: 'm-1', choices: [{message: {content}}], usage, tier: 'a'});
    const result = collected(inPieces(Buffer.from(reply), 8192), {length: Buffer.byteLength(reply)});
    assert.deepEqual([result.usage, result.model, result.stream], [[usage], 'm-1', false]);
    const nested = JSON.stringify({id: 'x', choices: [{model: 'no', input: {usage}, content}], model: 'm-2'});
    assert.deepEqual(collected(inPieces(Buffer.from(nested), 8192)).usage, []);
});

test('usage of embeddings whose model comes after the numbers', () => {
    const reply = JSON.stringify({object: 'list', data: [{embedding: Array(9000).fill(0.25)}], model: 'e-1', usage: {prompt_tokens: 8}});
    const result = collected(inPieces(Buffer.from(reply), 8192));
    assert.deepEqual([result.usage, result.model], [[{prompt_tokens: 8}], 'e-1']);
});

test('a stream that broke off is estimated from its density', () => {
    const result = collected(inPieces(Buffer.from(FILLER.repeat(3000)), 4096), {cut: true});
    assert.equal(result.last, false);
    assert.deepEqual(result.usage, []);
    assert.ok(Math.abs(result.chars - 30000) < 600, `${result.chars}`);
});

test('lm_14 a client that leaves with the last event in hand has the whole answer', () => {
    for (const name of ['openai_chat_stream', 'anthropic_stream', 'anthropic_stream_crlf', 'openai_responses_stream_metadata_after_usage']) {
        const {body: stream, raw} = golden(name);
        const whole = collected(inPieces(Buffer.from(stream), 100), {cut: true});
        assert.deepEqual([whole.last, whole.end, whole.usage, whole.chars], [false, true, raw, undefined], name);
        const last = stream.trimEnd().lastIndexOf('data:');
        assert.equal(collected([Buffer.from(stream.slice(0, last))], {cut: true}).end, undefined, name);
    }
});

test('what is kept of a long stream is bounded, also in tiny chunks', () => {
    const r = new FakeRequest();
    collect(r, ENTRY);
    for (let n = 0; n < 200000; n += 1) {
        body(r, Buffer.from('x'), {last: false});
    }
    const {head, tail, headBytes, tailBytes} = r.seen.kept;
    assert.ok(head.length + tail.length <= 130);
    assert.ok(headBytes + tailBytes <= 8192 + 3 * 16384, `${headBytes} ${tailBytes}`);
});

test('only numbers and the name of the model are told', () => {
    const reply = {model: 'm', usage: {a: 1, secret: 'text', list: ['text'], inner: {b: 2, text: 'text', none: {c: 'x'}}}};
    const {text: _, ...result} = collected([Buffer.from(JSON.stringify(reply))]);
    assert.deepEqual(result, {last: true, stream: false, model: 'm', usage: [{a: 1, inner: {b: 2}}]});
});

test('our own error replies pass the filter untouched', () => {
    const r = new FakeRequest();
    body(r, Buffer.from('{"error":1}'), {last: true});
    assert.equal(r.text, '{"error":1}');
    assert.equal(r.isDone, true);
});
