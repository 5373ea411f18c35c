// The official `openai` package: Chat Completions and Responses.
import assert from 'node:assert/strict';

import OpenAI from 'openai';

import {DISH, QUESTION, SYSTEM, gather, idsOf, run, statusOf} from './cells.js';

const refusals = {
    400: [400, 'BadRequestError'],
    401: [401, 'AuthenticationError'],
    403: [403, 'PermissionDeniedError'],
    404: [404, 'NotFoundError'],
    413: [413, 'APIError'],
    429: [429, 'RateLimitError'],
    500: [500, 'InternalServerError'],
    503: [503, 'InternalServerError'],
    529: [503, 'InternalServerError'],
};

function open(asked, name) {
    return new OpenAI({baseURL: `${asked.base_url}/v1`, apiKey: asked.keys[name], maxRetries: 0});
}

function chat(asked) {
    const name = 'openai-node chat';
    const client = open(asked, name);
    const {completions} = client.chat;
    const ask = (text) => [{role: 'system', content: SYSTEM}, {role: 'user', content: text}];
    const declare = (tools) => tools.map((tool) => ({type: 'function', function: {...tool, strict: true}}));
    const results = (message) => message.tool_calls.map(({id}) => ({role: 'tool', tool_call_id: id, content: asked.result}));
    const called = (message) => message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]);
    const tokens = (usage) => [usage.prompt_tokens, usage.completion_tokens];
    const bare = ({id, type, function: {name, arguments: text}}) => ({id, type, function: {name, arguments: text}});

    async function models({models: {echo}}) {
        assert.ok((await idsOf(client.models.list())).includes(echo));
        assert.equal((await client.models.retrieve(echo)).id, echo);
    }

    async function embeddings({models: {echo}, embeds}) {
        const asking = client.embeddings.create({model: echo, input: ['Zürich', '東京']});
        if (!embeds) {
            await assert.rejects(asking, /400 .*does not speak embeddings/);
            return;
        }
        const [first, second] = (await asking).data.map((row) => row.embedding);
        assert.ok(first.length > 1);
        assert.notDeepEqual(first, second);
    }

    async function streamed(body) {
        const stream = completions.stream({...body, stream_options: {include_usage: true}});
        const {text, pieces} = await gather(stream, (chunk) => chunk.choices[0]?.delta.content);
        const message = await stream.finalMessage();
        return {message, said: {text, pieces, tokens: tokens(await stream.totalUsage())}};
    }

    return {
        name,
        refusals,
        broken: 'APIError',
        refused: statusOf,
        others: {models, embeddings},
        async say(model, text) {
            const answer = await completions.create({model, messages: ask(text)});
            return {text: answer.choices[0].message.content, tokens: tokens(answer.usage)};
        },
        async stream(model, text) {
            return (await streamed({model, messages: ask(text)})).said;
        },
        async work(model, tools) {
            const messages = ask(QUESTION);
            const first = await completions.create({model, messages, tools: declare(tools)});
            const {message} = first.choices[0];
            messages.push(message, ...results(message));
            const last = await completions.create({model, messages, tools: declare(tools)});
            return {calls: called(message), answer: {text: last.choices[0].message.content}};
        },
        async streamWork(model, tools) {
            const messages = ask(QUESTION);
            const {message} = await streamed({model, messages, tools: declare(tools)});
            messages.push({role: 'assistant', tool_calls: message.tool_calls.map(bare)}, ...results(message));
            return {calls: called(message), answer: (await streamed({model, messages, tools: declare(tools)})).said};
        },
        async look(model, image) {
            const picture = {type: 'image_url', image_url: {url: `data:image/png;base64,${image}`}};
            const content = [{type: 'text', text: 'What is this?'}, picture];
            const answer = await completions.create({model, messages: [{role: 'user', content}]});
            return {text: answer.choices[0].message.content};
        },
        async shape(model) {
            const response_format = {type: 'json_schema', json_schema: {name: 'dish', schema: DISH, strict: true}};
            const answer = await completions.create({model, messages: ask('A dish, please.'), response_format});
            return JSON.parse(answer.choices[0].message.content);
        },
        async leave(model) {
            let pieces = 0;
            for await (const chunk of await completions.create({model, messages: ask('hello'), stream: true})) {
                pieces += chunk.choices[0]?.delta.content ? 1 : 0;
                if (pieces === 2) {
                    break;
                }
            }
            return pieces;
        },
    };
}

function responses(asked) {
    const name = 'openai-node responses';
    const client = open(asked, name).responses;
    const declare = (tools) => tools.map((tool) => ({type: 'function', strict: true, ...tool}));
    const tokens = (answer) => [answer.usage.input_tokens, answer.usage.output_tokens];
    const callsOf = (answer) => answer.output.filter((item) => item.type === 'function_call');
    const called = (answer) => callsOf(answer).map((call) => [call.name, JSON.parse(call.arguments)]);
    const results = (answer) =>
        callsOf(answer).map(({call_id}) => ({type: 'function_call_output', call_id, output: asked.result}));
    const bare = (answer) => answer.output.map(({parsed_arguments: _, ...item}) => item);

    async function streamed(body) {
        const stream = client.stream(body);
        const {text, pieces} = await gather(stream, (event) => event.type === 'response.output_text.delta' && event.delta);
        const answer = await stream.finalResponse();
        return {answer, said: {text, pieces, tokens: tokens(answer)}};
    }

    return {
        name,
        refusals,
        broken: 'APIError',
        refused: statusOf,
        async say(model, text) {
            const answer = await client.create({model, instructions: SYSTEM, input: text});
            return {text: answer.output_text, tokens: tokens(answer)};
        },
        async stream(model, text) {
            return (await streamed({model, input: text})).said;
        },
        async work(model, tools) {
            const input = [{role: 'user', content: QUESTION}];
            const first = await client.create({model, input, tools: declare(tools)});
            input.push(...first.output, ...results(first));
            const last = await client.create({model, input, tools: declare(tools)});
            return {calls: called(first), answer: {text: last.output_text}};
        },
        async streamWork(model, tools) {
            const input = [{role: 'user', content: QUESTION}];
            const {answer} = await streamed({model, input, tools: declare(tools)});
            const last = await streamed({model, input: [...input, ...bare(answer), ...results(answer)], tools: declare(tools)});
            return {calls: called(answer), answer: last.said};
        },
        async look(model, image) {
            const picture = {type: 'input_image', image_url: `data:image/png;base64,${image}`, detail: 'auto'};
            const content = [{type: 'input_text', text: 'What is this?'}, picture];
            return {text: (await client.create({model, input: [{role: 'user', content}]})).output_text};
        },
        async shape(model) {
            const text = {format: {type: 'json_schema', name: 'dish', schema: DISH, strict: true}};
            return JSON.parse((await client.create({model, input: 'A dish, please.', text})).output_text);
        },
        async leave(model) {
            let pieces = 0;
            for await (const event of await client.create({model, input: 'hello', stream: true})) {
                pieces += event.type === 'response.output_text.delta' ? 1 : 0;
                if (pieces === 2) {
                    break;
                }
            }
            return pieces;
        },
    };
}

await run(chat, responses);
