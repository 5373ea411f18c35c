// For tests/unit/translate/test_fields.py: what becomes of a field. Reads {client, providers, least, probes: [[path, value, without]]}
// from stdin and writes {path: {provider: 'said' | 'refused' | 'dropped' | 'silent'}}. A field is said if what the provider is
// sent is another with it, dropped if it is listed or what it is in is (`least` is a request of which nothing is), silent if
// neither.
import {readFileSync} from 'node:fs';
import {mock} from 'node:test';
import {part} from './golden_translate.js';

mock.method(Math, 'random', () => 0.5);
const {client, providers, least, probes} = JSON.parse(readFileSync(0, 'utf8'));
const {Inexpressible, newForm} = await import('../../gateway/nginx/njs/translate/form.js');
const read = await part(client, 'request_reader', 'readRequest');

/** @returns {{sent: string, lost: string} | null} null if it is refused */
function translated(write, request) {
    const form = newForm(client, 'claude-opus-4-6', true);
    try {
        read(structuredClone(request), form);
        const sent = JSON.stringify(write(form, {maxTokens: 4096, provider: 'openai'}));
        return {sent, lost: form.lost.join()};
    } catch (error) {
        if (error instanceof Inexpressible) {
            return null;
        }
        throw error;
    }
}

function outcome(write, none, value, without) {
    const one = translated(write, value);
    if (one === null) {
        return 'refused';
    }
    const other = translated(write, without);
    return other === null || one.sent !== other.sent ? 'said'
        : one.lost !== other.lost || one.lost !== none ? 'dropped' : 'silent';
}

const found = {};
for (const provider of providers) {
    const write = await part(provider, 'request_writer', 'writeRequest');
    const none = translated(write, least).lost;
    for (const [path, value, without] of probes) {
        found[path] = {...found[path], [provider]: outcome(write, none, value, without)};
    }
}
process.stdout.write(JSON.stringify(found));
