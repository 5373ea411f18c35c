// The usage chunk that we asked for is taken out of the stream, wherever the stream is split; all else passes byte for byte.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {hider, visible} from '../../gateway/nginx/njs/hide.js';

const chunk = (choices, usage) => JSON.stringify({id: 'c', object: 'chat.completion.chunk', choices, usage});
const TEXT = `data: ${chunk([{index: 0, delta: {content: 'Grüße "choices":[] 🌍'}}], null)}\n\n`;
const USAGE = `data: ${chunk([], {prompt_tokens: 1, completion_tokens: 2})}\n\n`;
const AZURE = `data: ${JSON.stringify({choices: [], prompt_filter_results: [{index: 0}]})}\n\n`;
const LAST = `data: ${chunk([{index: 0, delta: {}, finish_reason: 'stop'}], {prompt_tokens: 1})}\n\n`;
const DONE = 'data: [DONE]\n\n';

const STREAMS = {
    plain: [AZURE + TEXT + TEXT + USAGE + DONE, AZURE + TEXT + TEXT + DONE],
    'with comments': [': ping\n\n' + TEXT + USAGE + ': bye\n\n' + DONE, ': ping\n\n' + TEXT + ': bye\n\n' + DONE],
    'usage on the last choice': [TEXT + LAST + DONE, TEXT + LAST + DONE],
    'without an end': [TEXT + USAGE.trimEnd(), TEXT],
    'broken event at the end': [TEXT + 'data: {"choices":[],"usage":{', TEXT + 'data: {"choices":[],"usage":{'],
    'an error': ['data: {"error":{"message":"x"}}\n\n', 'data: {"error":{"message":"x"}}\n\n'],
    'space after colons': [TEXT + 'data:{"choices": [], "usage": {"a": 1}}\n\n' + DONE, TEXT + DONE],
    'an event longer than any usage chunk': [`data: {"choices":[],"x":"${'y'.repeat(20000)}"}\n\n${USAGE}${DONE}`,
        `data: {"choices":[],"x":"${'y'.repeat(20000)}"}\n\n${DONE}`],
};

function through(pieces) {
    const state = hider();
    let most = 0;
    const out = pieces.map((piece) => {
        const shown = Buffer.from(visible(state, piece, false));
        most = Math.max(most, state.held === null ? 0 : state.held.length);
        return shown;
    });
    out.push(Buffer.from(visible(state, Buffer.alloc(0), true)));
    return {text: Buffer.concat(out).toString(), most};
}

for (const [name, [given, expected]] of Object.entries(STREAMS)) {
    for (const [ends, turn] of [['LF', (text) => text], ['CRLF', (text) => text.replaceAll('\n', '\r\n')]]) {
        const bytes = Buffer.from(turn(given));
        test(`${name}, ${ends}: hidden at every split`, () => {
            for (let at = 0; at <= bytes.length; at += bytes.length > 4000 ? 97 : 1) {
                assert.equal(through([bytes.subarray(0, at), bytes.subarray(at)]).text, turn(expected), `split at ${at}`);
            }
        });
        test(`${name}, ${ends}: hidden in pieces of any size, holding back no more than a usage chunk`, () => {
            for (const size of [1, 2, 3, 5, 11, 64, 250, 1000]) {
                const pieces = [];
                for (let at = 0; at < bytes.length; at += size) {
                    pieces.push(bytes.subarray(at, at + size));
                }
                const result = through(pieces);
                assert.equal(result.text, turn(expected), `pieces of ${size}`);
                assert.ok(result.most <= 8192);
            }
        });
    }
}

test('a chunk of whole events passes as it is', () => {
    const state = hider();
    const piece = Buffer.from(TEXT);
    assert.equal(visible(state, piece, false).toString(), TEXT);
    assert.equal(state.held, null);
});
