// What servers and clients do that the golden cases, which keep to the official types, cannot show.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {named, part} from './golden_translate.js';

const {Inexpressible, newForm} = await import('../../gateway/nginx/njs/translate/form.js');
const chatReader = await part('chat', 'stream_reader', 'streamReader');
const chatAnswer = await part('chat', 'answer_reader', 'readAnswer');
const chatError = await part('chat', 'errors', 'readError');
const messagesReader = await part('messages', 'stream_reader', 'streamReader');
const messagesError = await part('messages', 'errors', 'readError');

/** @returns {any[]} what a stream's events tell */
function read(streamReader, events) {
    const reader = streamReader();
    return events.flatMap((event) => reader.read(...named(event)));
}

const delta = (value, reason = null) => ({id: 'c', object: 'chat.completion.chunk', choices: [{index: 0, delta: value, finish_reason: reason}]});
const calls = (events) => events.filter(({type, kind}) => type === 'open' && kind === 'toolCall');
const said = (events) => events.filter(({type}) => type === 'piece').map(({text}) => text);

test('pl_24 tool calls without index or identifier get identifiers of their own', () => {
    const one = {function: {name: 'f', arguments: '{"a":1}'}};
    const events = read(chatReader, [delta({tool_calls: [one]}), delta({content: 'and'}), delta({tool_calls: [one]}), delta({}, 'stop'), '[DONE]']);
    const [first, second] = calls(events);
    assert.ok(first.id.startsWith('call_') && second.id.startsWith('call_') && first.part !== second.part);
    assert.equal(events.find(({type}) => type === 'stop').stop, 'tool');
});

test('pl_24 parallel calls that all have the index 0 are told apart by their identifiers', () => {
    const one = (id) => delta({tool_calls: [{index: 0, id, type: 'function', function: {name: 'f', arguments: '{}'}}]});
    const events = read(chatReader, [one('a'), one('b'), delta({}, 'tool_calls')]);
    assert.deepEqual(calls(events).map(({id}) => id), ['a', 'b']);
});

test('pl_24 an identifier that is repeated with each piece is one call', () => {
    const one = (text) => delta({tool_calls: [{index: 0, id: 'a', function: {name: 'f', arguments: text}}]});
    const events = read(chatReader, [one('{"a"'), one(':1}'), delta({}, 'tool_calls')]);
    assert.equal(calls(events).length, 1);
    assert.equal(said(events).join(''), '{"a":1}');
});

test('pl_24 arguments of calls that come mixed break the stream off rather than be told wrong', () => {
    const one = (index, rest) => delta({tool_calls: [{index, ...rest}]});
    const events = [one(0, {id: 'a', function: {name: 'f', arguments: '{'}}), one(1, {id: 'b', function: {name: 'f', arguments: '{'}})];
    assert.throws(() => read(chatReader, [...events, one(0, {function: {arguments: '}'}})]), /mixed/);
});

test('pl_24 thoughts come as reasoning_content or as reasoning, and the text after them is another part', () => {
    for (const name of ['reasoning_content', 'reasoning']) {
        const events = read(chatReader, [delta({[name]: 'hm'}), delta({content: 'yes'}), delta({}, 'stop')]);
        assert.deepEqual(events.filter(({type}) => type === 'open').map(({kind}) => kind), ['thinking', 'text']);
        assert.deepEqual(said(events), ['hm', 'yes']);
        const answer = chatAnswer({choices: [{message: {[name]: 'hm', content: 'yes'}, finish_reason: 'stop'}]});
        assert.deepEqual(answer.choices[0].parts.map(({kind}) => kind), ['thinking', 'text']);
    }
});

test('pl_24 content in parts, arguments as an object and usage beside the last chunk are understood', () => {
    const usage = {prompt_tokens: 3, completion_tokens: 4, prompt_cache_hit_tokens: 2};
    const call = {index: 0, id: 'a', function: {name: 'f', arguments: {a: 1}}};
    const events = read(chatReader, [
        delta({content: [{type: 'text', text: 'a'}, {type: 'text', text: 'b'}]}), delta({tool_calls: [call]}), {...delta({}, 'tool_calls'), usage},
    ]);
    assert.deepEqual(said(events), ['ab', '{"a":1}']);
    const told = events.find(({type}) => type === 'usage').usage;
    assert.deepEqual([told.input, told.output, told.cacheRead, told.raw], [3, 4, 2, usage]);
    const answer = chatAnswer({choices: [{message: {content: [{type: 'text', text: 'x'}], tool_calls: [call]}, finish_reason: 'tool_calls'}]});
    assert.deepEqual(answer.choices[0].parts.map((one) => one.text || one.arguments), ['x', '{"a":1}']);
});

test('pl_25 errors in other shapes than OpenAI\'s keep their status and their message', () => {
    assert.deepEqual(chatError(422, {detail: 'no such thing'}), {status: 422, kind: 'invalid_request', message: 'no such thing'});
    assert.deepEqual(chatError(404, {object: 'error', message: 'The model is not there', type: 'NotFoundError', code: 404}),
        {status: 404, kind: 'not_found', message: 'The model is not there', code: 'NotFoundError'});
    assert.equal(chatError(0, {error: {message: 'slow', code: 429}}).status, 429);
    assert.equal(chatError(400, {detail: [{loc: ['body'], msg: 'bad'}]}).message, '[{"loc":["body"],"msg":"bad"}]');
    assert.equal(chatError(500, '').message, 'the provider gave no reason');
    assert.equal(messagesError(502, '<html>').message, '<html>');
    assert.equal(messagesError(400, {error: {type: 'unheard_of', message: 'm'}}).kind, 'invalid_request');
    assert.equal(messagesError(0, {error: {type: 'overloaded_error', message: 'm'}}).status, 529);
});

const block = (index, value) => ({type: 'content_block_start', index, content_block: value});
const closed = (index) => ({type: 'content_block_stop', index});

test('pl_24 what the tools of Anthropic did is not shown, and what follows is counted right', () => {
    const events = read(messagesReader, [
        {type: 'message_start', message: {id: 'm', model: 'c', usage: {input_tokens: 1, output_tokens: null}}},
        block(0, {type: 'server_tool_use', id: 's', name: 'web_search', input: {}}),
        {type: 'content_block_delta', index: 0, delta: {type: 'input_json_delta', partial_json: '{"q'}}, closed(0),
        block(1, {type: 'text', text: 'Hi'}), {type: 'content_block_delta', index: 1, delta: {type: 'citations_delta', citation: {}}}, closed(1),
        {type: 'unheard_of'}, ['message_stop', {}],
    ]);
    assert.deepEqual(events.map(({type}) => type), ['start', 'open', 'piece', 'close', 'end']);
    assert.deepEqual([events[1].part, events[2].text], [0, 'Hi']);
});

test('pl_24 arguments that come with the beginning of a call, or not at all, are told', () => {
    const events = read(messagesReader, [
        block(0, {type: 'tool_use', id: 'a', name: 'f', input: {x: 1}}), closed(0), block(1, {type: 'tool_use', id: 'b', name: 'f', input: {}}), closed(1),
    ]);
    assert.deepEqual(said(events), ['{"x":1}', '{}']);
});

const WRONG = {
    chat: [
        [{messages: 'hi'}, 'messages'], [{messages: ['hi']}, 'messages[0]'], [{messages: [{role: 'judge', content: 'x'}]}, 'messages[0].role'],
        [{messages: [{role: 'user', content: 5}]}, 'messages[0].content'], [{messages: [{role: 'toString', content: 'x'}]}, 'messages[0].role'],
        [{messages: [{role: 'user', content: [{type: 'constructor'}]}]}, 'messages[0].content[0].type'],
        [{messages: [{role: 'user', content: [null]}]}, 'messages[0].content[0]'], [{messages: [], temperature: 'hot'}, 'temperature'],
        [{messages: [], max_tokens: [1]}, 'max_tokens'], [{messages: [], tools: {}}, 'tools'], [{messages: [], stop: [1]}, 'stop'],
        [{messages: [], tools: [{type: 'function'}]}, 'tools[0].function'], [{messages: [], response_format: 'json'}, 'response_format'],
        [{messages: [{role: 'assistant', tool_calls: [{id: 'a', function: {name: 5}}]}]}, 'messages[0].tool_calls[0].function.name'],
        [{messages: [{role: 'user', content: [{type: 'file', file: {file_data: 'plain'}}]}]}, 'messages[0].content[0].file.file_data'],
    ],
    messages: [
        [{messages: {}}, 'messages'], [{messages: [{role: 'tool', content: 'x'}]}, 'messages[0].role'],
        [{messages: [{role: 'user', content: [{type: 'text'}]}]}, 'messages[0].content[0].text'],
        [{messages: [{role: 'user', content: [{type: 'toString'}]}]}, 'messages[0].content[0].type'],
        [{messages: [{role: 'user', content: [{type: 'tool_use', id: 'a', name: 'f', input: {}}]}]}, 'messages[0].content[0].type'],
        [{messages: [{role: 'user', content: [{type: 'image', source: {type: 'magic'}}]}]}, 'messages[0].content[0].source.type'],
        [{messages: [], system: 5}, 'system'], [{messages: [], tools: [{name: 'f'}]}, 'tools[0].input_schema'],
        [{messages: [], tool_choice: {type: 'some'}}, 'tool_choice.type'], [{messages: [], stop_sequences: 'x'}, 'stop_sequences'],
        [{messages: [], thinking: 'hard'}, 'thinking'], [{messages: [], mcp_servers: [{}]}, 'mcp_servers'],
    ],
    completions: [[{}, 'prompt'], [{prompt: 'x', n: '2'}, 'n'], [{prompt: 'x', suffix: 'y'}, 'suffix']],
    embeddings: [[{}, 'input'], [{input: 'x', dimensions: 'all'}, 'dimensions'], [{input: 'x', encoding_format: 'png'}, 'encoding_format']],
};

for (const [dialect, cases] of Object.entries(WRONG)) {
    test(`pl_21 ${dialect}: a field of the wrong kind is named`, async () => {
        const readRequest = await part(dialect, 'request_reader', 'readRequest');
        for (const [body, param] of cases) {
            assert.throws(() => readRequest(body, newForm(dialect, 'm', false)), (error) => {
                assert.ok(error instanceof Inexpressible, `${JSON.stringify(body)}: ${error}`);
                assert.deepEqual([error.param, error.message.startsWith(`'${param}' `)], [param, true], JSON.stringify(body));
                return true;
            });
        }
    });
}

test('pl_24 embeddings are packed as the SDK unpacks them', async () => {
    const writeAnswer = await part('embeddings', 'answer_writer', 'writeAnswer');
    const form = {...newForm('embeddings', 'm', false), embed: {inputs: ['a'], base64: true}};
    const {data} = writeAnswer({id: '', model: '', created: 0, choices: [], usage: null, vectors: [[0.5, -1, 3]]}, form);
    const bytes = Buffer.from(data[0].embedding, 'base64');
    assert.deepEqual([0, 4, 8].map((at) => bytes.readFloatLE(at)), [0.5, -1, 3]);
});

test('pl_24 the bound on tokens has the name that the provider heeds', async () => {
    const writeRequest = await part('chat', 'request_writer', 'writeRequest');
    const names = (model, provider) => {
        const form = {...newForm('messages', model, false), maxTokens: 5};
        return Object.keys(writeRequest(form, {maxTokens: 9, provider})).filter((name) => name.includes('max'));
    };
    assert.deepEqual(names('anything', 'azure-openai'), ['max_completion_tokens']);
    assert.deepEqual(names('gpt-5', 'mistral'), ['max_tokens']);
    assert.deepEqual(names('o3-mini', undefined), ['max_completion_tokens']);
    assert.deepEqual(names('llama', undefined), ['max_tokens']);
});

test('pl_24 each model is told to think in the way it knows', async () => {
    const writeRequest = await part('messages', 'request_writer', 'writeRequest');
    const thinking = (model) => writeRequest({...newForm('chat', model, false), maxTokens: 9000, reasoning: {effort: 'low'}}, {maxTokens: 1}).thinking.type;
    const old = [
        'claude-3-7-sonnet-20250219', 'claude-sonnet-4-20250514', 'claude-opus-4-1-20250805', 'claude-haiku-4-5', 'claude-opus-4-5@20251101',
        'claude-opus-4', 'anthropic/claude-sonnet-4.5', 'claude-sonnet-4-latest', 'claude-4-sonnet-20250514', 'claude-3.7-sonnet', 'anthropic.claude-sonnet-4-5-20250929-v1:0', 'deepseek-chat',
    ];
    assert.deepEqual(old.map(thinking), old.map(() => 'enabled'));
    const current = ['claude-opus-4-6', 'claude-sonnet-4-6', 'claude-opus-4-7', 'claude-sonnet-5', 'claude-fable-5-20260601', 'claude-opus-4-10', 'anthropic/claude-opus-4.6'];
    assert.deepEqual(current.map(thinking), current.map(() => 'adaptive'));
});

const writeChat = await part('chat', 'request_writer', 'writeRequest');
const asked = (model, fields) => ({...newForm('messages', model, true), ...fields});

test('pl_24 effort is said in words that the model knows, and to models that reason', () => {
    const word = (model, effort, provider = 'openai') => {
        const form = asked(model, {reasoning: {effort}});
        return [writeChat(form, {maxTokens: 1, provider}).reasoning_effort, form.lost.length];
    };
    assert.deepEqual(word('gpt-5', 'low'), ['low', 0]);
    assert.deepEqual(word('o4-mini', 'max'), ['high', 1]);
    assert.deepEqual(word('gpt-5.4', 'max'), ['max', 0]);
    assert.deepEqual(word('gpt-4.1', 'low'), [undefined, 1]);
    assert.deepEqual(word('gpt-5', 'none'), [undefined, 1]);
    assert.deepEqual(word('gpt-5.1', 'none'), ['none', 0]);
    assert.deepEqual(word('meta/llama', 'high', 'openrouter'), ['high', 0]);
});

test('pl_24 content that is nothing but text is a string where a server takes no list', () => {
    const system = [{kind: 'text', text: 'a'}, {kind: 'text', text: 'b'}];
    const messages = [{role: 'user', parts: [...system, {kind: 'image', url: 'https://example.org/x'}]}];
    const contents = (provider) => writeChat(asked('m', {system, messages}), {maxTokens: 1, provider}).messages.map(({content}) => typeof content);
    assert.deepEqual(contents('deepseek'), ['string', 'object']);
    assert.deepEqual(contents('openai'), ['object', 'object']);
});

test('pl_24 what only OpenAI has is said to its own types and listed for the others', () => {
    const said = (provider) => {
        const form = asked('m', {openai: {prompt_cache_key: 'k', verbosity: 'low', store: true}, metadata: {a: 'b'}});
        const {prompt_cache_key: key, verbosity, store, metadata} = writeChat(form, {maxTokens: 1, provider});
        return [key, verbosity, store, metadata, form.lost.sort()];
    };
    assert.deepEqual(said('azure-openai'), ['k', 'low', true, {a: 'b'}, []]);
    assert.deepEqual(said('groq'), [undefined, undefined, undefined, undefined, ['metadata', 'prompt_cache_key', 'store', 'verbosity']]);
});

test('pl_24 Mistral is asked for nothing that it refuses, and its calls have names of nine letters', () => {
    const call = (id) => ({kind: 'toolCall', id, name: 'f', arguments: '{}'});
    const result = (id) => ({kind: 'toolResult', id, parts: [{kind: 'text', text: '1'}]});
    const form = asked('mistral-large', {
        user: 'u', seed: 5, openai: {store: true, verbosity: 'low'}, metadata: {a: 'b'}, logitBias: {}, serviceTier: 'auto',
        messages: [
            {role: 'user', parts: [{kind: 'text', text: 'x'}], name: 'Ann'},
            {role: 'assistant', parts: [{kind: 'thinking', text: 'hm', signature: 'ostiary.chat.'}, call('toolu_1'), call('toolu_2'), call('abcdefgh9')]},
            {role: 'user', parts: [result('toolu_1'), result('toolu_2'), result('abcdefgh9'), {kind: 'text', text: 'So?'}]},
        ],
    });
    const body = JSON.parse(JSON.stringify(writeChat(form, {maxTokens: 1, provider: 'mistral'})));
    assert.deepEqual(Object.keys(body).sort(), ['messages', 'metadata', 'model', 'random_seed', 'stream']);
    assert.deepEqual(body.messages.map((message) => Object.keys(message).sort().join()),
        ['content,role', 'content,role,tool_calls', ...Array(3).fill('content,role,tool_call_id'), 'content,role', 'content,role']);
    assert.deepEqual(body.messages.slice(-2).map(({role}) => role), ['assistant', 'user']);
    const ids = body.messages[1].tool_calls.map(({id}) => id);
    assert.deepEqual(body.messages.slice(2, 5).map(({tool_call_id: id}) => id), ids);
    assert.ok(ids.every((id) => /^[a-zA-Z0-9]{9}$/.test(id)) && new Set(ids).size === 3 && ids[2] === 'abcdefgh9', ids);
    assert.deepEqual(form.lost.sort(), ['logitBias', 'messages.place', 'name', 'serviceTier', 'store', 'thinking', 'user', 'verbosity']);
    assert.throws(() => writeChat(asked('m', {logprobs: 2}), {maxTokens: 1, provider: 'mistral'}), Inexpressible);
});
