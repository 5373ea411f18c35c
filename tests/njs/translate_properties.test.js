// What holds for every request, answer and stream: a dialect's reader understands its own writer, whatever the pieces.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {answerParts, chance, folded, request, told} from './chance.js';
import {events, named, part} from './golden_translate.js';

const {newForm, sign} = await import('../../gateway/nginx/njs/translate/form.js');
const ROUNDS = 60;
const ORDERS = {maxTokens: 4096, provider: 'openai'};
const USAGE = {input: 20, output: 9, cacheRead: 8, cacheWrite: 2, reasoning: 0};

// `takes`: media in what a user says. `thoughts`: as its writer is given them, signed.
const DIALECTS = {
    chat: {takes: ['image', 'document'], thought: () => ({kind: 'thinking', text: 'hm', signature: sign('chat', '')})},
    messages: {
        takes: ['image', 'document'],
        thought: (at) => at === 1 ? {kind: 'thinking', text: '', signature: sign('messages', 'cmVk'), redacted: true}
            : {kind: 'thinking', text: 'hm 🌍', signature: sign('messages', 'c2ln')},
    },
};

/** A form without what is only about the way it came. */
function bare(form) {
    const {names, lost, dialect, stream, model, openai, askedUsage, ...rest} = JSON.parse(JSON.stringify(form));
    const merged = [];
    for (const {role, parts} of rest.messages) {
        const last = merged[merged.length - 1];
        if (last !== undefined && last.role === role) {
            last.parts.push(...parts);
        } else {
            merged.push({role, parts: [...parts]});
        }
    }
    return JSON.parse(JSON.stringify({...rest, messages: merged}, (name, value) => name === 'place' ? undefined : value));
}

for (const [dialect, {takes, thought}] of Object.entries(DIALECTS)) {
    const load = (file, name) => part(dialect, file, name);
    const [readRequest, writeRequest] = [await load('request_reader', 'readRequest'), await load('request_writer', 'writeRequest')];
    const [readAnswer, writeAnswer] = [await load('answer_reader', 'readAnswer'), await load('answer_writer', 'writeAnswer')];
    const [streamReader, streamWriter] = [await load('stream_reader', 'streamReader'), await load('stream_writer', 'streamWriter')];

    test(`pl_24 ${dialect}: a request that is written and read again is the same`, () => {
        for (let seed = 0; seed < ROUNDS; seed += 1) {
            const form = {...newForm(dialect, 'm', false), ...request(chance(seed), {takes})};
            const written = writeRequest(structuredClone(form), ORDERS);
            const read = readRequest(JSON.parse(JSON.stringify(written)), newForm(dialect, 'm', false));
            const {format, ...rest} = bare(read);
            assert.deepEqual(read.lost, []);
            assert.deepEqual({...rest, ...(format && {format: {kind: format.kind, schema: format.schema, strict: true}})}, bare(form), `seed ${seed}`);
        }
    });

    test(`pl_24 ${dialect}: a written request is written the same when it has been read`, () => {
        for (let seed = 0; seed < ROUNDS; seed += 1) {
            const form = {...newForm(dialect, 'm', false), ...request(chance(seed), {takes})};
            const once = JSON.parse(JSON.stringify(writeRequest(form, ORDERS)));
            const twice = writeRequest(readRequest(structuredClone(once), newForm(dialect, 'm', false)), ORDERS);
            assert.deepEqual(JSON.parse(JSON.stringify(twice)), once, `seed ${seed}`);
        }
    });

    test(`pl_24 ${dialect}: an answer that is written and read again is the same`, () => {
        for (let seed = 0; seed < ROUNDS; seed += 1) {
            const c = chance(seed);
            const parts = answerParts(c, dialect === 'chat' ? (at) => thought(0 * at) : thought);
            const calls = parts.some(({kind}) => kind === 'toolCall');
            const stop = calls ? 'tool' : c.one(['stop', 'length']);
            const answer = {id: 'i-1', model: 'm-1', created: 5, choices: [{parts, stop}], usage: USAGE};
            const read = readAnswer(JSON.parse(JSON.stringify(writeAnswer(answer, newForm(dialect, 'm', false)))));
            assert.deepEqual(seen(read.choices[0], dialect), seen(answer.choices[0], dialect), `seed ${seed}`);
            const {raw, ...usage} = read.usage;
            assert.deepEqual([read.id, read.model, usage], ['i-1', 'm-1', USAGE]);
        }
    });

    test(`pl_24 ${dialect}: a stream that is written and read again tells the same, whatever its pieces`, () => {
        for (let seed = 0; seed < ROUNDS; seed += 1) {
            const c = chance(seed);
            const parts = answerParts(c, thought);
            const stop = parts.some(({kind}) => kind === 'toolCall') ? 'tool' : 'stop';
            const start = {type: 'start', id: 'i-1', model: 'm-1', created: 5};
            const end = [{type: 'stop', choice: 0, stop}, {type: 'usage', usage: USAGE}, {type: 'end'}];
            const writer = streamWriter({...newForm(dialect, 'm', true), askedUsage: true});
            const text = told(c, parts, start, end).map((event) => writer.write(event)).join('') + writer.end();
            const reader = streamReader();
            const read = events(text).filter((event) => typeof event !== 'string' || !event.startsWith(':'))
                .flatMap((event) => reader.read(...named(event)));
            const result = folded(read);
            assert.equal(result.open || 0, 0, 'every part that is opened is closed');
            assert.deepEqual(seen({parts: result.parts}, dialect), seen({parts}, dialect), `seed ${seed}`);
            assert.deepEqual([result.start.id, result.start.model, result.stop.stop, result.end], ['i-1', 'm-1', stop, {type: 'end'}]);
            const {raw, ...usage} = result.usage.usage;
            assert.deepEqual(usage, USAGE);
        }
    });

    test(`pl_24 ${dialect}: a stream that breaks off anywhere ends in an error, and after its end nothing is written`, () => {
        for (let seed = 0; seed < ROUNDS; seed += 1) {
            const c = chance(seed);
            const start = {type: 'start', id: 'i-1', model: 'm-1', created: 5};
            const all = told(c, answerParts(c, thought), start, []);
            const writer = streamWriter(newForm(dialect, 'm', true));
            all.slice(0, 1 + c.below(all.length)).forEach((event) => writer.write(event));
            const last = events(writer.end());
            assert.ok(last.length === 1 && last[0].error !== undefined, `seed ${seed}`);
            const done = streamWriter(newForm(dialect, 'm', true));
            [start, {type: 'stop', choice: 0, stop: 'stop'}, {type: 'end'}].forEach((event) => done.write(event));
            assert.equal(done.end() + done.write({type: 'ping'}) + done.write({type: 'usage', usage: USAGE}), '');
        }
    });
}

/** Of a choice what a dialect can tell: OpenAI's has all thoughts in one text, and who signed them is not said. */
function seen({parts, stop}, dialect) {
    const plain = parts.map(({kind, text, id, name, arguments: said, signature}) => ({
        kind, text: kind === 'toolCall' ? said || text : text, ...(id && {id, name}), ...(signature && dialect !== 'chat' && {signature: signature.split('.').pop()}),
    }));
    const thoughts = plain.filter(({kind}) => kind === 'thinking');
    return {
        stop, parts: plain.filter(({kind}) => kind !== 'thinking'),
        thoughts: dialect === 'chat' ? thoughts.map(({text}) => text).join('') : thoughts,
    };
}

test('pl_24 several choices of a stream stay apart', async () => {
    const streamReader = await part('chat', 'stream_reader', 'streamReader');
    const streamWriter = await part('chat', 'stream_writer', 'streamWriter');
    const writer = streamWriter({...newForm('chat', 'm', true), askedUsage: false});
    const said = (choice, text) => ({type: 'piece', choice, part: 0, text});
    const text = [
        {type: 'start', id: 'i', model: 'm', created: 1}, {type: 'open', choice: 1, part: 0, kind: 'text'}, said(1, 'b'),
        {type: 'open', choice: 0, part: 0, kind: 'text'}, said(0, 'a'), said(1, 'B'), {type: 'close', choice: 1, part: 0},
        {type: 'stop', choice: 1, stop: 'length'}, said(0, 'A'), {type: 'close', choice: 0, part: 0}, {type: 'stop', choice: 0, stop: 'stop'},
        {type: 'end'},
    ].map((event) => writer.write(event)).join('');
    const reader = streamReader();
    const read = events(text).flatMap((event) => reader.read(...named(event)));
    const textOf = (choice) => read.filter((event) => event.type === 'piece' && event.choice === choice).map((event) => event.text).join('');
    assert.deepEqual([textOf(0), textOf(1)], ['aA', 'bB']);
    assert.deepEqual(read.filter(({type}) => type === 'stop').map(({choice, stop}) => [choice, stop]), [[1, 'length'], [0, 'stop']]);
});
