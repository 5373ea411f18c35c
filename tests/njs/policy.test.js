// The rules for retries against the golden cases that ostiary_gateway.policy has to pass too.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {test} from 'node:test';
import * as policy from '../../gateway/nginx/njs/policy.js';

const folder = new URL('../golden/policy/', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const {policies} = read('policies.json');
const named = (name) => (name === null ? null : policies[name]);

function next(c) {
    const targets = c.targets.map((text) => {
        const [provider, priority] = text.split(':');
        return priority ? {provider, priority: +priority} : {provider};
    });
    const plan = {targets, policy: c.fallbacks === null ? undefined : {...policies.defaults, fallbacks: c.fallbacks}};
    const eligible = (i, waiting) => !c.blocked.includes(i) || (waiting && c.waiting.includes(i));
    return policy.nextTarget(plan, c.tried, c.current, c.strategy, eligible);
}

const RUN = {
    'match_failure.json': (c) => policy.matchFailure(named(c.policy), c.failure),
    'failures.json': (c) => [policy.errorType(c.failure), policy.failureStatus(c.failure), policy.countsForBreaker(c.failure)],
    'retries_left.json': (c) => policy.retriesLeft({strategy: 'any', maxAttempts: c.maxAttempts}, c.done),
    'next_target.json': next,
    'backoff.json': (c) => policy.backoffMs(named(c.policy), c.n, c.sameModel, c.sameProvider, () => c.random),
    'wait.json': (c) => policy.waitMs(c.backoff, c.sameTarget, c.left),
    'may_begin.json': (c) => policy.mayBegin(named(c.policy), c.elapsed, c.wait),
    'retry_after.json': (c, {now}) => policy.retryAfterMs(c.value, now, c.most),
    'high_latency.json': (c) => policy.highLatency(named(c.policy).on_high_latency, c.ttfb, c.total),
    'triggered.json': (c) => policy.triggered(c.times, c.now, c.window, c.least),
    'exhausted.json': (c) => policy.exhausted(c.tries, c.facts),
};
const EXPECTED = {
    'failures.json': (c) => [c.error, c.status, c.ill],
    'triggered.json': (c) => ({times: c.kept, block: c.block}),
};
const PYTHON_ONLY = ['intercept.json', 'policies.json']; // the sidecar says where a plan is caught

test('every golden file has its runner', () => {
    assert.deepEqual(readdirSync(folder).sort(), [...Object.keys(RUN), ...PYTHON_ONLY].sort());
});

for (const [file, run] of Object.entries(RUN)) {
    const golden = read(file);
    const expected = EXPECTED[file] ?? ((c) => c.result);
    for (const c of golden.cases) {
        test(`${file.replace('.json', '')} ${c.name}`, () => assert.deepEqual(run(c, golden), expected(c)));
    }
}

test('an absent header is no Retry-After', () => {
    assert.equal(policy.retryAfterMs(undefined, 0, policy.MOST_RETRY_AFTER_MS), -1);
    assert.equal(policy.retryAfterMs(null, 0, policy.MOST_RETRY_AFTER_MS), -1);
});

test('no policy may be undefined', () => {
    assert.deepEqual(policy.matchFailure(undefined, {kind: 'connection'}), {strategy: 'any', maxAttempts: policy.MOST_RETRIES});
    assert.equal(policy.backoffMs(undefined, 1, true, true, () => 1), 0);
    assert.equal(policy.mayBegin(undefined, 1e9, 1), true);
    assert.equal(policy.highLatency(undefined, 1, 1), false);
});
