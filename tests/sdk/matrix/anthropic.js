// The official `@anthropic-ai/sdk` package: Messages.
import assert from 'node:assert/strict';

import Anthropic from '@anthropic-ai/sdk';

import {DISH, QUESTION, SYSTEM, gather, idsOf, run, statusOf} from './cells.js';

function messages(asked) {
    const name = 'anthropic-node';
    const anthropic = new Anthropic({baseURL: asked.base_url, apiKey: asked.keys[name], maxRetries: 0});
    const client = anthropic.messages;
    const user = (content) => [{role: 'user', content}];
    const declare = (tools) => tools.map(({parameters, ...tool}) => ({...tool, input_schema: parameters}));
    const textOf = (answer) => answer.content.map((block) => block.text ?? '').join('');
    const tokens = (answer) => [answer.usage.input_tokens, answer.usage.output_tokens];
    const uses = (answer) => answer.content.filter((block) => block.type === 'tool_use');
    const called = (answer) => uses(answer).map((block) => [block.name, block.input]);
    const turn = ({content}) => [
        {role: 'assistant', content},
        ...user(uses({content}).map(({id}) => ({type: 'tool_result', tool_use_id: id, content: asked.result}))),
    ];

    async function models({models: {echo}}) {
        assert.ok((await idsOf(anthropic.models.list())).includes(echo));
        assert.equal((await anthropic.models.retrieve(echo)).id, echo);
    }

    // The provider's own count, or an estimate that says so.
    async function count({models: {echo}, counts}) {
        const {data, response} = await client.countTokens({model: echo, messages: user('Grüße!')}).withResponse();
        assert.ok(data.input_tokens > 0);
        assert.equal(response.headers.get('x-ostiary-estimated') === 'true', !counts);
    }

    async function streamed(body) {
        const stream = client.stream({max_tokens: 1024, ...body});
        const {text, pieces} = await gather(stream, (event) => event.type === 'content_block_delta' && event.delta.text);
        const answer = await stream.finalMessage();
        return {answer, said: {text, pieces, tokens: tokens(answer)}};
    }

    return {
        name,
        refusals: {
            400: [400, 'BadRequestError'],
            401: [401, 'AuthenticationError'],
            403: [403, 'PermissionDeniedError'],
            404: [404, 'NotFoundError'],
            413: [413, 'ContentTooLargeError'],
            429: [429, 'RateLimitError'],
            500: [500, 'InternalServerError'],
            503: [503, 'ServiceUnavailableError'],
            529: [529, 'OverloadedError'],
        },
        broken: 'APIError',
        refused: statusOf,
        others: {models, count_tokens: count},
        async say(model, text) {
            const answer = await client.create({model, max_tokens: 1024, system: SYSTEM, messages: user(text)});
            return {text: textOf(answer), tokens: tokens(answer)};
        },
        async stream(model, text) {
            return (await streamed({model, system: SYSTEM, messages: user(text)})).said;
        },
        async work(model, tools) {
            const body = {model, max_tokens: 1024, messages: user(QUESTION), tools: declare(tools)};
            const first = await client.create(body);
            const last = await client.create({...body, messages: [...body.messages, ...turn(first)]});
            return {calls: called(first), answer: {text: textOf(last)}};
        },
        async streamWork(model, tools) {
            const body = {model, messages: user(QUESTION), tools: declare(tools)};
            const {answer} = await streamed(body);
            const {said} = await streamed({...body, messages: [...body.messages, ...turn(answer)]});
            return {calls: called(answer), answer: said};
        },
        async look(model, image) {
            const picture = {type: 'image', source: {type: 'base64', media_type: 'image/png', data: image}};
            const content = [picture, {type: 'text', text: 'What is this?'}];
            return {text: textOf(await client.create({model, max_tokens: 1024, messages: user(content)}))};
        },
        async shape(model) {
            const output_config = {format: {type: 'json_schema', schema: DISH}};
            const answer = await client.create({model, max_tokens: 1024, messages: user('A dish, please.'), output_config});
            return JSON.parse(textOf(answer));
        },
        async leave(model) {
            let pieces = 0;
            for await (const event of await client.create({model, max_tokens: 1024, messages: user('hello'), stream: true})) {
                pieces += event.type === 'content_block_delta' ? 1 : 0;
                if (pieces === 2) {
                    break;
                }
            }
            return pieces;
        },
    };
}

await run(messages);
