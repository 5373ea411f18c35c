// AWS's signatures and event-stream frames, against what botocore makes (tests/unit/translate/test_aws.py).
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {test} from 'node:test';
import {frameReader} from '../../gateway/nginx/njs/translate/converse/frames.js';
import {readKeys, sign} from '../../gateway/nginx/njs/translate/converse/sigv4.js';
import {streamReader} from '../../gateway/nginx/njs/translate/converse/stream_reader.js';

const golden = (name) => JSON.parse(readFileSync(new URL(`../golden/aws/${name}.json`, import.meta.url), 'utf8'));
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5) / 1000;
const KEYS = 'AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

for (const [name, {host, path, query, body, region, token, authorization}] of Object.entries(golden('signatures'))) {
    test(`pl_24 the signature of ${name} is botocore's`, () => {
        const keys = readKeys(token === undefined ? KEYS : `${KEYS}:${token}`);
        const headers = sign({method: 'POST', host, path, query, contentType: 'application/json', body}, keys, region, NOW);
        assert.deepEqual(headers, {
            'x-amz-date': '20260102T030405Z', authorization, ...token !== undefined && {'x-amz-security-token': token},
        });
    });
}

/** The frames as botocore names them. */
function plain([name, payload]) {
    if (name !== 'exception') {
        return [name, payload];
    }
    const {__type: type, message} = JSON.parse(payload);
    return type === 'InternalServerError' ? [`error ${type}`, ''] : [`exception ${type}`, JSON.stringify({message})];
}

function readAll(bytes, step) {
    const reader = frameReader();
    const found = [];
    for (let at = 0; at < bytes.length; at += step) {
        found.push(...reader.read(bytes.subarray(at, at + step)));
    }
    return found;
}

for (const [name, {bytes, frames, broken}] of Object.entries(golden('frames'))) {
    test(`pl_24 frames of ${name} are botocore's, cut anywhere`, () => {
        const all = Buffer.from(bytes, 'base64');
        for (const step of [1, 2, 3, 7, 16, 61, all.length]) {
            const found = readAll(all, step);
            if (broken) {
                const [type, payload] = found.pop();
                assert.equal(type, 'exception');
                assert.equal(JSON.parse(payload).__type, 'brokenFrame');
            }
            assert.deepEqual(found.map(plain), frames, `step ${step}`);
        }
    });
}

test('pl_24 a damaged stream is a fault, once, and nothing of it is kept', () => {
    const bytes = Buffer.from(golden('frames').damaged.bytes, 'base64');
    const reader = frameReader();
    const events = streamReader();
    const faults = [bytes, bytes, bytes].flatMap((chunk) => reader.read(chunk)).flatMap(([name, data]) => events.read(name, data))
        .filter(({type}) => type === 'fault');
    assert.equal(faults.length, 1);
    assert.equal(faults[0].fault.status, 502);
});

test('pl_24 a frame that says it is endless is refused at its first twelve bytes', () => {
    const bytes = Buffer.from(golden('frames').events.bytes, 'base64');
    bytes.writeUInt32BE(0xffffffff, 0);
    assert.equal(frameReader().read(bytes.subarray(0, 12))[0][0], 'exception');
});
