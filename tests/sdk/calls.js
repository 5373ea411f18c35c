// Calls a gateway through the official SDKs as their users do, with their own retries, and tells what a user sees.
//
// Reads a JSON list of {sdk, baseURL, key, model, name} from standard input, makes one call after the other, and prints a list
// of {name, ok, kind, status, message, type, text} in the same order. `kind` is the class of the error.
import {readFileSync} from 'node:fs';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const CALLS = {
    async openai({baseURL, key, model}) {
        const client = new OpenAI({baseURL: `${baseURL}/v1`, apiKey: key});
        const answer = await client.chat.completions.create({model, messages: [{role: 'user', content: 'hello'}]});
        return answer.choices[0].message.content;
    },
    async anthropic({baseURL, key, model}) {
        const client = new Anthropic({baseURL, apiKey: key});
        const answer = await client.messages.create({model, max_tokens: 64, messages: [{role: 'user', content: 'hello'}]});
        return answer.content[0].text;
    },
};

async function told(call) {
    try {
        return {name: call.name, ok: true, text: await CALLS[call.sdk](call)};
    } catch (error) {
        const inner = error.error?.error ?? error.error ?? {};
        return {name: call.name, ok: false, kind: error.constructor.name, status: error.status, message: error.message, type: inner.type};
    }
}

const results = [];
for (const call of JSON.parse(readFileSync(0, 'utf8'))) {
    results.push(await told(call));
}
console.log(JSON.stringify(results));
