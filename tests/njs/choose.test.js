// The choice of the first target against the golden cases that ostiary_gateway.policy has to pass too.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {test} from 'node:test';
import {averaged, choose, warmth} from '../../gateway/nginx/njs/choose.js';

const folder = new URL('../golden/choice/', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')).cases;

/** What a case says of the moment; the counter may be read once in a choice. */
function viewOf({eligible, warmth: warm, latency, random = [0.5], affinity = ''}, turn) {
    let asked = 0;
    let turns = 0;
    return {
        eligible: (i) => eligible === undefined || eligible.includes(i),
        warmth: (i) => (warm ? warm[i] : 1),
        latency: (i) => (latency ? latency[i] : -1),
        turn: () => {
            turns += 1;
            assert.equal(turns, 1);
            return turn;
        },
        random: () => random[asked++ % random.length],
        affinity,
    };
}

test('every golden file has its runner', () => {
    assert.deepEqual(readdirSync(folder).sort(), ['averaged.json', 'choose.json', 'warmth.json']);
});

for (const {name, selection, targets, fallbacks, view, result} of read('choose.json')) {
    const policy = fallbacks ? {fallbacks} : undefined;
    const plan = {targets: targets.map((target, i) => ({id: `p${i}/m`, ...target})), policy};
    if (selection !== 'priority') {
        plan.selection = selection; // the default is left out, as the sidecar does
    }
    test(`choose ${name}`, () => {
        const chosen = view.turns === undefined
            ? choose(plan, viewOf(view, view.turn ?? 0))
            : Array.from({length: view.turns}, (_, turn) => choose(plan, viewOf(view, turn)));
        assert.deepEqual(chosen, result);
    });
}

for (const {name, recoveredAt, warmUp, now, result} of read('warmth.json')) {
    test(`warmth ${name}`, () => assert.ok(Math.abs(warmth(recoveredAt, warmUp, now) - result) < 1e-9));
}

for (const {name, before, age, ms, result} of read('averaged.json')) {
    test(`averaged ${name}`, () => assert.ok(Math.abs(averaged(before, age, ms) - result) < 1e-6));
}
