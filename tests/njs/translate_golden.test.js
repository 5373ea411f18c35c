// The dialects' modules against the golden cases, all pairs of readers and writers.
import assert from 'node:assert/strict';
import {mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {test} from 'node:test';
import {allCases, folder} from './golden_translate.js';

const cases = await allCases();
const pathOf = ({client, provider, name}) => `${client}-to-${provider}/${name}.json`;

if (process.env.UPDATE) {
    for (const pair of readdirSync(folder).filter((name) => name.includes('-to-'))) {
        rmSync(new URL(pair, folder), {recursive: true});
    }
    for (const one of cases) {
        mkdirSync(new URL(`${one.client}-to-${one.provider}/`, folder), {recursive: true});
        writeFileSync(new URL(pathOf(one), folder), `${JSON.stringify(one, null, 1)}\n`);
    }
}

test('pl_24 every golden case is made of an input, and every input has its case', () => {
    const files = readdirSync(folder).filter((name) => name.includes('-to-'))
        .flatMap((pair) => readdirSync(new URL(`${pair}/`, folder)).map((name) => `${pair}/${name}`));
    assert.deepEqual(files.sort(), cases.map(pathOf).sort());
    assert.ok(cases.length >= 200, `${cases.length}`);
});

for (const pair of new Set(cases.map(({client, provider}) => `${client}-to-${provider}`))) {
    test(`pl_24 ${pair}`, () => {
        for (const one of cases.filter(({client, provider}) => `${client}-to-${provider}` === pair)) {
            assert.deepEqual(one, JSON.parse(readFileSync(new URL(pathOf(one), folder), 'utf8')), pathOf(one));
        }
    });
}
