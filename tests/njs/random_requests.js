// For tests/unit/translate/test_golden.py: requests of any shape, as far as a client and a provider can say them. Writes {client: {provider: [body]}} of `argv[2]` requests each.
import {chance, request} from './chance.js';
import {part, PAIRS} from './golden_translate.js';

const {Inexpressible, newForm} = await import('../../gateway/nginx/njs/translate/form.js');
const ORDERS = {maxTokens: 4096, provider: 'openai'};
const MISTRAL = ['mistral', 'chat', {maxTokens: 4096, provider: 'mistral'}]; // the strictest of the servers that are like OpenAI's
const found = {};

function expressible(make) {
    try {
        return make();
    } catch (error) {
        if (error instanceof Inexpressible) {
            return undefined;
        }
        throw error;
    }
}

for (const [client, providers] of Object.entries(PAIRS).filter(([name]) => name !== 'completions' && name !== 'embeddings')) {
    const [say, read] = [await part(client, 'request_writer', 'writeRequest'), await part(client, 'request_reader', 'readRequest')];
    const targets = [...providers.map((provider) => [provider, provider, ORDERS]), ...providers.includes('chat') ? [MISTRAL] : []];
    found[client] = Object.fromEntries(targets.map(([name]) => [name, []]));
    for (let seed = 0; seed < Number(process.argv[2]); seed += 1) {
        const form = {...newForm(client, 'm', seed % 2 === 1), ...request(chance(seed), {takes: ['image', 'document']})};
        const said = expressible(() => JSON.parse(JSON.stringify(say(form, ORDERS))));
        for (const [name, provider, orders] of said === undefined ? [] : targets) {
            const write = await part(provider, 'request_writer', 'writeRequest');
            const sent = expressible(() => write(read(structuredClone(said), newForm(client, 'm', form.stream)), orders));
            found[client][name].push(...(sent === undefined ? [] : [sent]));
        }
    }
}
process.stdout.write(JSON.stringify(found));
