// Plans: how they are kept, filled in and found again, and what of a request they let through.
import assert from 'node:assert/strict';
import {beforeEach, test} from 'node:test';
import {FakeRequest, install} from './fakes.js';

const ngx = install();
const {ask, isPlanned} = await import('../../gateway/nginx/njs/decisions.js');
const {default: managed} = await import('../../gateway/nginx/njs/managed.js');
const {complete, planOf} = await import('../../gateway/nginx/njs/plans.js');
const {isAllowed} = await import('../../gateway/nginx/njs/limits.js');
const {addressOf} = await import('../../gateway/nginx/njs/aim.js');
const {ordered, pickCredential} = await import('../../gateway/nginx/njs/targets.js');
const {canonical} = await import('../../gateway/nginx/njs/request.js');

const IDENTITY = {key_id: 'k1', key_version: '2', name: 'n', namespace: 'ns', owner: 'o'};
const TARGETS = [{id: 'a/x', provider: 'a', credentials: ['Bearer 1', 'Bearer 2']}, {id: 'b/x', provider: 'b', credentials: ['Bearer 3']}];
const CALLER = {hash: 'hash', mask: 'abcdef'};
let turn = 0; // a generation of its own for each test: contexts remember plans

beforeEach(() => {
    for (const dict of Object.values(ngx.shared)) {
        dict.entries.clear();
    }
    turn += 1;
    ngx.shared.ostiary_state.set('generation', `g${turn}`);
});

const answer = (plan) => ({
    status: 200, responseText: JSON.stringify({generation: `g${turn}`, identity: IDENTITY, plan: {model: 'M', targets: TARGETS, ...plan}}),
});

for (const [plan, rule, location] of [
    [{}, 'builtin', 'builtin'],
    [{intercept: 'policy_400'}, 'policy_400', 'policy'],
    [{intercept: 'policy', guarded: true}, 'policy', 'guarded'],
    [{guarded: true, targets: [{...TARGETS[0], drain_ms: 5}]}, 'builtin', 'draining'],
]) {
    test(`a planned request jumps to ${location} with ${rule}`, async () => {
        const packed = await ask(new FakeRequest({answers: [answer(plan)]}), CALLER, 'managed', 'm');
        assert.ok(isPlanned(packed));
        assert.deepEqual(packed.slice(0, -1).split('\t'), [`g${turn}`, 'k1', '2', 'n', 'ns', 'o', 'abcdef', 'chat:m', rule, location]);
        assert.equal(planOf(`g${turn}`, 'chat:m').model, 'M');
    });
}

test('the caller of a planned request goes on where the plan says, with nothing accepted yet', async () => {
    const headersIn = {Authorization: 'Bearer sk-planned'};
    const r = new FakeRequest({headersIn, answers: [answer({})], variables: {ostiary_known: '1', ostiary_body_model: 'm'}});
    await managed.access(r);
    assert.deepEqual([r.redirect, r.variables.ostiary_rule], ['@builtin', 'builtin']);
    assert.ok(isPlanned(r.variables.ostiary_planned));
    assert.equal(ngx.shared.ostiary_inflight.size(), 0);
});

test('what a plan leaves out has its default, and a pool has a scope for each credential', () => {
    const plan = complete({model: 'M', targets: TARGETS});
    assert.deepEqual([plan.selection, plan.policy, plan.way, plan.targets[0].weight], ['priority', null, '', 1]);
    assert.deepEqual(plan.targets[0].credentialScopes, ['c:a#16c2e9a3', 'c:a#cfcead19']);
    assert.deepEqual(plan.targets[1].credentialScopes, [], 'the only one is never out');
});

test('a pool is spread over, and what was shown in vain is not shown again', () => {
    const [target] = complete({model: 'M', targets: TARGETS}).targets;
    const trip = {shown: []};
    assert.deepEqual([1, 2, 3].map(() => pickCredential(target, trip, 0)), [0, 1, 0]);
    trip.shown.push(target.credentialScopes[1]);
    assert.deepEqual([1, 2].map(() => pickCredential(target, trip, 0)), [0, 0]);
});

test('pl_26 the order of one request goes before priorities, and what it does not name comes last', () => {
    const plan = complete({model: 'M', targets: [...TARGETS, {id: 'c/x', provider: 'c', priority: 1}], selection: 'cost'});
    const {targets, selection} = ordered(plan, [2, 1]);
    assert.deepEqual([targets.map(({priority}) => priority), selection], [[2, 1, 0], 'priority']);
    assert.equal(ordered(plan, null), plan);
});

for (const [body, plan, expected] of [
    [{}, {max_request_bytes: 2}, null],
    [{a: 1}, {max_request_bytes: 2}, 413],
    [{max_tokens: 5}, {max_output_tokens: 5}, null],
    [{max_tokens: 6}, {max_output_tokens: 5}, 400],
    [{max_completion_tokens: 6}, {max_output_tokens: 5}, 400],
    [{max_output_tokens: 6}, {max_output_tokens: 5}, 400],
    [{max_tokens: 6}, {}, null],
]) {
    test(`pl_21 limits: ${JSON.stringify(body)} with ${JSON.stringify(plan)}`, () => {
        const text = JSON.stringify(body);
        const problem = isAllowed({requestText: text, requestBuffer: Buffer.from(text)}, complete({model: 'M', targets: [], ...plan}));
        assert.equal(problem && problem.status, expected);
    });
}

test('pl_21 what the pattern takes for JSON and is none is the client\'s mistake', () => {
    const plan = complete({model: 'M', targets: [], max_output_tokens: 5});
    assert.deepEqual(isAllowed({requestText: '{"max_tokens":1-2}'}, plan), {status: 400, message: 'invalid JSON body'});
});

for (const [upstream, expected] of [
    ['os_https_api.test_443', 'api.test:443'],
    ['os_http_127.0.0.1_8080', '127.0.0.1:8080'],
    ['os_http_--1_80', '[::1]:80'],
    ['os_http_fd00-1-2-3-4-5-6-7_80', '[fd00:1:2:3:4:5:6:7]:80'],
    ['os_http_my-own-host_80', 'my-own-host:80'],
    ['os_http_a_b_80', 'a_b:80'],
    ['another', 'said:1'],
]) {
    test(`the guard connects to ${expected}`, () => assert.equal(addressOf({upstream, host: 'said:1'}), expected));
}

test('pl_26 routing preferences are taken out of the body, and remembered', () => {
    const r = new FakeRequest({requestText: '{"model":"m","routing_preferences":[{"name":"x"}],"n":1}'});
    assert.deepEqual(canonical(r), {model: 'm', problem: ''});
    assert.deepEqual([r.variables.ostiary_body_after, r.variables.ostiary_preferences], [',"n":1}', '1']);
});
