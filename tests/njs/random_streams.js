// For tests/unit/translate/test_golden.py: streams of any shape, told by the writer of each provider's dialect and shown to each
// client. Writes {client: {provider: [[event]]}} of `argv[2]` streams each.
import {answerParts, chance, told} from './chance.js';
import {events, named, part} from './golden_translate.js';

const {newForm} = await import('../../gateway/nginx/njs/translate/form.js');
const DIALECTS = ['chat', 'messages', 'responses', 'generate'];
const USAGE = {input: 20, output: 9, cacheRead: 8, cacheWrite: 2, reasoning: 3};
const thought = () => ({kind: 'thinking', text: 'hm 🌍', signature: 'c2ln'});
const formOf = (dialect) => ({...newForm(dialect, 'm', true), askedUsage: true, sse: true});

/** @returns {any[]} the events of one stream, as that dialect has them */
function written(streamWriter, dialect, stream) {
    const writer = streamWriter(formOf(dialect));
    return events(stream.map((event) => writer.write(event)).join('') + writer.end());
}

const found = {};
for (const client of DIALECTS.filter((dialect) => dialect !== 'generate')) {
    found[client] = {};
    for (const provider of DIALECTS.filter((dialect) => dialect !== client)) {
        const [say, show] = [await part(provider, 'stream_writer', 'streamWriter'), await part(client, 'stream_writer', 'streamWriter')];
        const streamReader = await part(provider, 'stream_reader', 'streamReader');
        found[client][provider] = Array.from({length: Number(process.argv[2])}, (_, seed) => {
            const c = chance(seed);
            const parts = answerParts(c, thought);
            const stop = parts.some(({kind}) => kind === 'toolCall') ? 'tool' : 'stop';
            const end = [{type: 'stop', choice: 0, stop}, {type: 'usage', usage: USAGE}, {type: 'end'}];
            const reader = streamReader();
            const said = written(say, provider, told(c, parts, {type: 'start', id: 'i', model: 'm', created: 5}, end));
            const heard = said.filter((event) => typeof event !== 'string' || !event.startsWith(':')).flatMap((event) => reader.read(...named(event)));
            return written(show, client, heard);
        });
    }
}
process.stdout.write(JSON.stringify(found));
