// The state of backends in shared memory: blocks, breakers, latencies, the retry budget, and what /health says of them.
import assert from 'node:assert/strict';
import {beforeEach, test} from 'node:test';
import {FakeRequest, install} from './fakes.js';

const ngx = install();
const backends = await import('../../gateway/nginx/njs/backends.js');
const budget = await import('../../gateway/nginx/njs/budget.js');
const {complete} = await import('../../gateway/nginx/njs/plans.js');
const {default: control} = await import('../../gateway/nginx/njs/control.js');
const {merge, report} = await import('../../gateway/nginx/njs/share.js');
const {default: settings} = await import('../../gateway/nginx/njs/settings.js');

const NOW = 1_700_000_000_000;
const TARGET = {id: 'a/m', provider: 'a', provider_type: 'openai', model: 'm', breaker: {failures: 3, open_ms: 1000, warm_up_ms: 500}};
const target = complete({model: 'm', targets: [TARGET]}).targets[0];
const {ostiary_health: health, ostiary_tallies: tallies, ostiary_counts: counts} = ngx.shared;

beforeEach(() => {
    for (const dict of Object.values(ngx.shared)) {
        dict.entries.clear();
    }
});

test('pl_04 the later end of two blocks wins, and a block ends by itself', () => {
    backends.block('m:a/m', NOW + 500, 'retry_after', NOW);
    backends.block('m:a/m', NOW + 200, 'high_latency', NOW);
    assert.equal(backends.blockLeft('m:a/m', NOW), 500);
    assert.equal(backends.retryAfterLeft('m:a/m', NOW + 100), 400);
    backends.block('m:a/m', NOW + 900, 'high_latency', NOW);
    assert.deepEqual([backends.blockLeft('m:a/m', NOW), backends.retryAfterLeft('m:a/m', NOW)], [900, 0]);
    assert.equal(backends.blockLeft('m:a/m', NOW + 900), 0);
});

test('a block that is over already is none', () => {
    backends.block('m:a/m', NOW, 'retry_after', NOW);
    assert.equal(health.size(), 0);
});

test('pl_06 so many slow answers within the window make a block', () => {
    const rule = {min_triggers: 2, window_ms: 100, block_ms: 1000};
    backends.slow('m:a/m', rule, NOW);
    backends.slow('m:a/m', rule, NOW + 150);
    assert.equal(backends.blockLeft('m:a/m', NOW + 150), 0);
    backends.slow('m:a/m', rule, NOW + 200);
    assert.equal(backends.blockLeft('m:a/m', NOW + 200), 1000);
});

test('gz_15 failures in a row open it, an answer that came to its end starts the row anew', () => {
    backends.failed(target, false, NOW);
    backends.failed(target, false, NOW);
    backends.completed('a/m');
    backends.failed(target, false, NOW);
    backends.failed(target, false, NOW);
    assert.equal(backends.openLeft(target, NOW), 0);
    backends.failed(target, false, NOW);
    assert.equal(backends.openLeft(target, NOW + 400), 600);
    assert.equal(backends.claim(target, NOW + 999), 'taken');
});

test('gz_15 failures of requests that were under way when it opened do not keep it open', () => {
    [0, 0, 0, 700].forEach((after) => backends.failed(target, false, NOW + after));
    assert.equal(backends.openLeft(target, NOW + 800), 200);
});

test('gz_15 half open lets one through, whose success closes it and warms it up', () => {
    [1, 2, 3].forEach(() => backends.failed(target, false, NOW));
    assert.equal(backends.openLeft(target, NOW + 1000), 0);
    assert.deepEqual([1, 2].map(() => backends.claim(target, NOW + 1000)), ['claimed', 'taken']);
    assert.equal(backends.openLeft(target, NOW + 1000), 1, 'another one is trying');
    backends.succeeded(target, true, NOW + 1000);
    assert.equal(backends.claim(target, NOW + 1000), 'free');
    assert.equal(backends.warmthOf('a/m', NOW + 1250), 0.55);
    assert.deepEqual(report(NOW + 1000).breakers, {'a/m': {state: 'CLOSED', failures: 0, opened_at: 0, open_ms: 0}});
});

test('gz_15 its failure opens it again', () => {
    [1, 2, 3].forEach(() => backends.failed(target, false, NOW));
    backends.claim(target, NOW + 1000);
    backends.failed(target, true, NOW + 1500);
    assert.equal(backends.openLeft(target, NOW + 1600), 900);
    assert.equal(backends.claim(target, NOW + 2500), 'claimed');
});

test('what was claimed and never reached is given back', () => {
    [1, 2, 3].forEach(() => backends.failed(target, false, NOW));
    backends.claim(target, NOW + 1000);
    backends.giveBack('a/m');
    assert.equal(backends.claim(target, NOW + 1000), 'claimed');
});

test('a late success of another request does not close it', () => {
    [1, 2, 3].forEach(() => backends.failed(target, false, NOW));
    backends.succeeded(target, false, NOW + 10);
    assert.equal(backends.openLeft(target, NOW + 10), 990);
});

test('latencies are averaged and forgotten', () => {
    assert.equal(backends.latency('a/m'), -1);
    backends.measured('a/m', 100, NOW);
    backends.measured('a/m', 200, NOW);
    assert.equal(backends.latency('a/m'), 120);
    backends.measured('a/m', 300, NOW + 3_600_000);
    assert.equal(backends.latency('a/m'), 300);
});

test('the retry budget is a share of the last ten seconds and a minimum', () => {
    Object.assign(settings, {budgetPercent: 50, budgetMinimum: 2});
    for (let i = 0; i < 4; i += 1) {
        budget.planned(NOW);
    }
    assert.deepEqual([1, 2, 3, 4, 5].map(() => budget.mayRetry(NOW)), [true, true, true, true, false]);
    assert.equal(budget.mayRetry(NOW + 9_999), false);
    assert.equal(budget.mayRetry(NOW + 20_000), true);
});

test('pl_08 so many requests are between failure and end, also if their worker dies', () => {
    settings.retryConcurrency = 2;
    budget.enter();
    assert.equal(budget.isFull(), false);
    budget.enter();
    assert.equal(budget.isFull(), true);
    budget.leave();
    assert.equal(budget.isFull(), false);
    budget.release(String(process.pid));
    budget.release(String(process.pid));
    assert.equal(counts.get('retrying'), 0);
});

test('turns are counted from 0', () => {
    assert.deepEqual([1, 2, 3].map(() => budget.turn('m')), [0, 1, 2]);
});

test('/health tells blocks, breakers, latencies and counts', () => {
    backends.block('p:a', NOW + 5, 'high_latency', NOW);
    backends.measured('a/m', 12, NOW);
    [1, 2, 3].forEach(() => backends.failed(target, false, NOW));
    backends.succeeded(target, false, NOW);
    budget.planned(NOW);
    budget.turn('s:');
    assert.deepEqual(report(NOW + 1), {
        now: NOW + 1, blocks: {'p:a': [NOW + 5, 'high_latency']},
        breakers: {'a/m': {state: 'OPEN', failures: 3, opened_at: NOW, open_ms: 1000}},
        latencies: {'a/m': [12, NOW]}, counts: {'a/m': {success: 1, failure: 3}},
    });
    assert.equal(report(NOW + 1000).breakers['a/m'].state, 'HALF_OPEN');
});

test('/health has nothing to say while nothing changes', () => {
    const ask = (args) => {
        const r = new FakeRequest({method: 'GET', args});
        control.health(r);
        return r;
    };
    const {version} = JSON.parse(ask({}).body);
    backends.measured('a/m', 12, NOW);
    assert.equal(ask({unless: version}).status, 304);
    backends.block('p:a', Date.now() + 1000, 'retry_after', Date.now());
    assert.equal(ask({unless: version}).status, 200);
});

test('what others say is merged: the later end wins, what is closed elsewhere closes, a reset clears', () => {
    merge({blocks: {'m:a/m': [NOW + 9, 'retry_after']}, breakers: {'a/m': {opened_at: NOW, open_ms: 50}}}, NOW);
    merge({blocks: {'m:a/m': [NOW + 5, 'retry_after']}, breakers: {'a/m': {opened_at: NOW - 10, open_ms: 5000}}}, NOW);
    assert.deepEqual([backends.blockLeft('m:a/m', NOW), backends.openLeft(target, NOW)], [9, 50]);
    merge({breakers: {'a/m': null}}, NOW);
    assert.deepEqual([backends.openLeft(target, NOW), backends.warmthOf('a/m', NOW)], [0, 0.1]);
    merge({breakers: {'a/m': {opened_at: NOW, open_ms: 50}}}, NOW);
    tallies.set('f:a/m', 2);
    merge({reset: ['a/m']}, NOW);
    assert.deepEqual([backends.openLeft(target, NOW), backends.blockLeft('m:a/m', NOW), tallies.get('f:a/m')], [0, 0, undefined]);
});

test('what cannot be read is refused', () => {
    const r = new FakeRequest({requestText: '{'});
    control.health(r);
    assert.equal(r.status, 400);
});
