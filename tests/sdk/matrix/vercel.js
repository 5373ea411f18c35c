// The Vercel AI SDK (`ai`) on its providers for OpenAI (Responses), Anthropic and Google.
import {createAnthropic} from '@ai-sdk/anthropic';
import {createGoogle} from '@ai-sdk/google';
import {createOpenAI} from '@ai-sdk/openai';
import {Output, generateText, jsonSchema, stepCountIs, streamText, tool} from 'ai';

import {DISH, QUESTION, SYSTEM, gather, run} from './cells.js';

globalThis.AI_SDK_LOG_WARNINGS = false;

// The providers' differences are in `open` alone; the rest is one library.
function vercel(name, open) {
    return (asked) => {
        const provider = open(asked.base_url, asked.keys[name]);
        const ask = (model, more) => ({model: provider(model), maxRetries: 0, ...more});
        const tokens = (usage) => [usage.inputTokens, usage.outputTokens];

        function armed(tools) {
            const calls = [];
            const made = Object.fromEntries(
                tools.map(({name, description, parameters}) => [
                    name,
                    tool({
                        description,
                        inputSchema: jsonSchema(parameters),
                        execute: async (input) => {
                            calls.push([name, input]);
                            return asked.result;
                        },
                    }),
                ]),
            );
            return {calls, body: {prompt: QUESTION, tools: made, stopWhen: stepCountIs(4)}};
        }

        // A fault in a stream is an event of it, and not an exception.
        function streamed(body) {
            const faults = [];
            const result = streamText({...body, onError: ({error}) => faults.push(error)});
            const settle = () => {
                if (faults.length) {
                    throw faults[0];
                }
            };
            return {result, settle};
        }

        return {
            name,
            refusals: {429: [429, 'APICallError'], 400: [400, 'APICallError']},
            refused: ({constructor, statusCode, message}) => ({kind: constructor.name.replace(/^_/, ''), status: statusCode, message}),
            async say(model, text) {
                const answer = await generateText(ask(model, {system: SYSTEM, prompt: text}));
                return {text: answer.text, tokens: tokens(answer.usage)};
            },
            async stream(model, text) {
                const {result, settle} = streamed(ask(model, {system: SYSTEM, prompt: text}));
                const said = await gather(result.textStream, (piece) => piece);
                settle();
                return {...said, tokens: tokens(await result.usage)};
            },
            async work(model, tools) {
                const {calls, body} = armed(tools);
                return {calls, answer: {text: (await generateText(ask(model, body))).text}};
            },
            async streamWork(model, tools) {
                const {calls, body} = armed(tools);
                const {result, settle} = streamed(ask(model, body));
                const answer = await gather(result.textStream, (piece) => piece);
                settle();
                return {calls, answer};
            },
            async look(model, image) {
                const content = [{type: 'text', text: 'What is this?'}, {type: 'image', image, mediaType: 'image/png'}];
                return {text: (await generateText(ask(model, {messages: [{role: 'user', content}]}))).text};
            },
            async shape(model) {
                const output = Output.object({schema: jsonSchema(DISH), name: 'dish'});
                return (await generateText(ask(model, {prompt: 'A dish, please.', output}))).output;
            },
            async leave(model) {
                const leaving = new AbortController();
                const {result} = streamed(ask(model, {prompt: 'hello', abortSignal: leaving.signal}));
                let pieces = 0;
                for await (const _ of result.textStream) {
                    pieces += 1;
                    if (pieces === 2) {
                        leaving.abort();
                        break;
                    }
                }
                return pieces;
            },
        };
    };
}

await run(
    vercel('ai-sdk openai', (url, apiKey) => createOpenAI({baseURL: `${url}/v1`, apiKey})),
    vercel('ai-sdk anthropic', (url, apiKey) => createAnthropic({baseURL: `${url}/v1`, apiKey})),
    vercel('ai-sdk google', (url, apiKey) => createGoogle({baseURL: `${url}/v1beta`, apiKey})),
);
