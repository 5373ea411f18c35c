// What a dialect that both a client and a provider speak says of anything, it reads as the same again: requests, answers,
// streams. Two hundred random ones each, the same in every run.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {events, named, part} from './golden_translate.js';

const {newForm} = await import('../../gateway/nginx/njs/translate/form.js');
const CASES = 200;
const TEXTS = ['Hi', 'Grüß Gott 🌍', 'a "quoted"\nline\\', ' ', '{"a":1}', '\u2028end'];

/** Numbers that look random and are the same in every run. */
function dice(seed) {
    let state = seed;
    const roll = (sides) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 0x100000000) * sides);
    };
    return {roll, pick: (list) => list[roll(list.length)], some: (most, make) => Array.from({length: roll(most + 1)}, (_, at) => make(at))};
}

const ARGUMENTS = ['{}', '{"city":"Bonn"}', '{"a":[1,{"b":null}],"t":"x\\"y"}'];

const TOOLS = [
    {name: 'f', description: 'does', schema: {type: 'object', properties: {city: {type: 'string'}}}},
    {name: 'g', schema: {type: 'object', properties: {}}},
];
const OPTIONS = {
    temperature: [0, 0.5], topP: [0.5], maxTokens: [16, 100], logprobs: [0, 2], reasoning: [{effort: 'low', summary: 'auto'}],
    toolChoice: [{kind: 'auto'}, {kind: 'any'}, {kind: 'none'}, {kind: 'tool', name: 'f'}],
    format: [{kind: 'schema', name: 'answer', schema: {type: 'object', title: 'x'}}],
};

/** A conversation: a user asks, the model answers or calls, calls are answered. */
function conversation({roll, pick, some}, withFiles) {
    const messages = [];
    for (let turn = 0; turn <= roll(3); turn += 1) {
        const asked = [{kind: 'text', text: pick(TEXTS)}, ...some(2, () => ({kind: 'text', text: pick(TEXTS)}))];
        if (withFiles && roll(2)) {
            asked.push({kind: 'image', data: 'eA==', mediaType: 'image/png'}, {kind: 'image', url: 'https://example.org/a.png'});
        }
        messages.push({role: 'user', parts: asked});
        const calls = some(3, (at) => ({kind: 'toolCall', id: `call_${turn}_${at}`, name: pick(['f', 'g']), arguments: pick(ARGUMENTS)}));
        messages.push({role: 'assistant', parts: [{kind: 'text', text: pick(TEXTS)}, ...calls]});
        if (calls.length > 0) {
            const results = calls.map(({id, name}) => ({kind: 'toolResult', id, name, parts: [{kind: 'text', text: pick(TEXTS)}]}));
            messages.push({role: 'user', parts: results});
            messages.push({role: 'assistant', parts: [{kind: 'text', text: 'so'}]});
        }
    }
    messages.push({role: 'user', parts: [{kind: 'text', text: 'last'}]});
    return messages;
}

function randomForm(dialect, thrown) {
    const {roll, pick} = thrown;
    const form = Object.assign(newForm(dialect, 'gemini-3-pro', false), {messages: conversation(thrown, true)});
    form.system = roll(2) ? [{kind: 'text', text: pick(TEXTS)}] : [];
    form.tools = TOOLS;
    for (const [field, values] of Object.entries(OPTIONS)) {
        if (roll(2)) {
            form[field] = pick(values);
        }
    }
    return form;
}

/** What of a form both ends can tell: not places, names of media and of schemas, types of what a server serves, and defaults. */
function essence(value) {
    return JSON.parse(JSON.stringify(value, (key, inner) => {
        if (['place', 'detail', 'strict', 'name', 'description'].includes(key) && typeof inner !== 'object') {
            return undefined;
        }
        return inner?.url === undefined ? inner : {kind: inner.kind, url: inner.url};
    }));
}
const FIELDS = ['system', 'messages', 'tools', 'temperature', 'topP', 'maxTokens', 'toolChoice', 'format', 'logprobs', 'reasoning'];

for (const dialect of ['responses', 'generate']) {
    test(`pl_24 ${dialect}: requests`, async () => {
        const write = await part(dialect, 'request_writer', 'writeRequest');
        const read = await part(dialect, 'request_reader', 'readRequest');
        for (let seed = 1; seed <= CASES; seed += 1) {
            const form = randomForm(dialect, dice(seed));
            const again = read(JSON.parse(JSON.stringify(write(form, {maxTokens: 9}))), newForm(dialect, 'm', false));
            for (const field of FIELDS) {
                const told = field === 'system' && dialect === 'responses' ? form.system.filter(({text}) => text !== '') : form[field];
                assert.deepEqual(essence({is: again[field]}), essence({is: told}), `${field} of ${seed}`);
            }
            assert.deepEqual(form.lost, [], `${seed}`);
        }
    });

    test(`pl_24 ${dialect}: answers`, async () => {
        const write = await part(dialect, 'answer_writer', 'writeAnswer');
        const read = await part(dialect, 'answer_reader', 'readAnswer');
        for (let seed = 1; seed <= CASES; seed += 1) {
            const thrown = dice(seed);
            const answer = randomAnswer(thrown);
            const form = Object.assign(newForm(dialect, 'm', false), {reasoning: {summary: 'auto'}});
            const again = read(JSON.parse(JSON.stringify(write(answer, form))));
            assert.deepEqual(merged(again.choices[0].parts), merged(answer.choices[0].parts), `${seed}`);
            assert.equal(again.choices[0].stop, answer.choices[0].stop);
            const {raw: _raw, ...counts} = again.usage;
            assert.deepEqual(counts, {...answer.usage, ...dialect === 'generate' && {cacheWrite: 0}});
        }
    });

    test(`pl_24 ${dialect}: streams, event by event`, async () => {
        const writer = await part(dialect, 'stream_writer', 'streamWriter');
        const reader = await part(dialect, 'stream_reader', 'streamReader');
        for (let seed = 1; seed <= CASES; seed += 1) {
            const thrown = dice(seed);
            const answer = randomAnswer(thrown);
            const form = Object.assign(newForm(dialect, 'm', true), {reasoning: {summary: 'auto'}, sse: true});
            const writing = writer(form);
            const text = pieces(answer, thrown).map((event) => writing.write(event)).join('') + writing.end();
            const reading = reader();
            const found = events(text).flatMap((event) => reading.read(...named(event)));
            inOrder(found, dialect === 'generate' ? ['stop', 'usage'] : ['end'], seed);
            assert.deepEqual(merged(gathered(found)), merged(answer.choices[0].parts), `${seed}`);
            assert.equal(found.find(({type}) => type === 'stop').stop, answer.choices[0].stop);
            assert.equal(found.findLast(({type}) => type === 'usage').usage.output, answer.usage.output);
        }
    });
}

test('pl_24 generate: a stream as one JSON array is the same stream', async () => {
    const writer = await part('generate', 'stream_writer', 'streamWriter');
    for (let seed = 1; seed <= CASES; seed += 1) {
        const told = [true, false].map((sse) => {
            const writing = writer(Object.assign(newForm('generate', 'm', true), {sse}));
            const all = pieces(randomAnswer(dice(seed)), dice(seed)).slice(0, seed % 3 ? undefined : -2);
            return all.map((event) => writing.write(event)).join('') + writing.end();
        });
        assert.deepEqual(JSON.parse(told[1]), events(told[0]), `${seed}`);
    }
});

function randomAnswer({roll, pick, some}) {
    const parts = roll(2) ? [{kind: 'thinking', text: pick(TEXTS)}] : [];
    parts.push(...some(2, () => ({kind: 'text', text: pick(TEXTS)})));
    const calls = some(3, (at) => ({kind: 'toolCall', id: `call_${at}`, name: pick(['f', 'g']), arguments: pick(ARGUMENTS)}));
    const stop = calls.length > 0 ? 'tool' : pick(['stop', 'length', 'filter']);
    return {
        id: 'a', model: 'm', created: 5, choices: [{parts: [...parts, ...calls], stop}],
        usage: {input: 10 + roll(9), output: 10 + roll(9), cacheRead: roll(5), cacheWrite: roll(5), reasoning: roll(5)},
    };
}

/** The events of an answer, its texts in pieces. */
function pieces(answer, {roll}) {
    const [{parts, stop}] = answer.choices;
    const found = [{type: 'start', id: 'a', model: 'm', created: 5}];
    parts.forEach((one, number) => {
        found.push({type: 'open', choice: 0, part: number, kind: one.kind, id: one.id, name: one.name});
        const letters = [...one.kind === 'toolCall' ? one.arguments : one.text];
        while (letters.length > 0) {
            found.push({type: 'piece', choice: 0, part: number, text: letters.splice(0, 1 + roll(4)).join('')});
        }
        found.push({type: 'close', choice: 0, part: number}, ...roll(4) ? [] : [{type: 'ping'}]);
    });
    return [...found, {type: 'stop', choice: 0, stop}, {type: 'usage', usage: answer.usage}, {type: 'end'}];
}

/** Neighbours of one kind are one; a dialect may tell them as one or as two. */
function merged(parts) {
    const all = [];
    for (const {kind, text, id, name, arguments: said} of parts) {
        const last = all.at(-1);
        if (kind !== 'toolCall' && last?.kind === kind) {
            last.text += text;
        } else {
            all.push(kind === 'toolCall' ? {kind, id, name, said: JSON.parse(said)} : {kind, text});
        }
    }
    return all;
}

function gathered(found) {
    const parts = new Map();
    for (const event of found) {
        if (event.type === 'open') {
            parts.set(event.part, {...event, text: '', arguments: ''});
        } else if (event.type === 'piece') {
            parts.get(event.part)[parts.get(event.part).kind === 'toolCall' ? 'arguments' : 'text'] += event.text;
        }
    }
    return [...parts.values()];
}

/** The first event starts, the last is one of `ends`, parts come one after another and nothing is said of one that is not open. */
function inOrder(found, ends, seed) {
    assert.equal(found[0].type, 'start', `${seed}`);
    assert.ok(ends.includes(found.at(-1).type), `${seed}`);
    let open;
    for (const {type, part: number} of found) {
        if (type === 'open') {
            assert.equal(open, undefined);
            open = number;
        } else if (type === 'piece') {
            assert.equal(number, open);
        } else if (type === 'close') {
            assert.equal(number, open);
            open = undefined;
        } else if (type === 'stop') {
            assert.equal(open, undefined);
        }
    }
}
