// Attempts of a planned request: what a failure teaches, where it goes next, how it ends. nginx's part is played by hand.
import assert from 'node:assert/strict';
import {beforeEach, test} from 'node:test';
import {FakeRequest, install} from './fakes.js';

const ngx = install();
const {default: planned} = await import('../../gateway/nginx/njs/planned.js');
const {default: answer} = await import('../../gateway/nginx/njs/answer.js');
const {default: problem} = await import('../../gateway/nginx/njs/problem.js');
const {PLANNED} = await import('../../gateway/nginx/njs/decisions.js');
const {report} = await import('../../gateway/nginx/njs/share.js');
const {default: settings} = await import('../../gateway/nginx/njs/settings.js');

const RETRY_AFTER = {scope: 'model', apply_to: 'global', max_ms: 300_000};
const POLICY = {
    fallbacks: [], default_strategy: 'different_provider', default_max_attempts: 2, on_status_codes: [], retry_after: RETRY_AFTER,
    max_duration_ms: 0,
};
const TARGETS = ['a', 'b', 'c'].map((name, priority) => ({
    id: `${name}/m`, provider: name, provider_type: 'openai', upstream: `up_${name}`, scheme: 'https', host: `${name}.test:8443`,
    base_path: '/v1', model: 'm', credential_header: 'authorization', credentials: [`Bearer ${name}`], priority,
}));
const UPSTREAM = ['upstream_status', 'upstream_header_time', 'upstream_connect_time'];
let turn = 0;

beforeEach(() => {
    for (const dict of Object.values(ngx.shared)) {
        dict.entries.clear();
    }
    Object.assign(settings, {budgetPercent: 20, budgetMinimum: 100, retryConcurrency: 1000});
    turn += 1;
});

/** What the first js_access finds. */
async function begin(plan, {targets = TARGETS, ...request} = {}) {
    ngx.shared.ostiary_plans.set(`g${turn}\tchat:m`, JSON.stringify({model: 'M', targets, ...plan}));
    const variables = {ostiary_planned: [`g${turn}`, 'k', '1', 'n', 'ns', 'o', 'mask', 'chat:m', 'policy'].join('\t') + PLANNED, ostiary_fields: 'f'};
    const r = new FakeRequest({variables, ...request});
    await planned.access(r);
    return r;
}

/** The next js_access after a failure; `status` 0 is no answer. */
async function fail(before, status, {own = status === 0 ? '502' : String(status), retryAfter} = {}) {
    const r = after(before, own, status === 0 ? '-' : '0.001');
    r.variables.upstream_http_retry_after = retryAfter;
    await planned.access(r);
    return r;
}

function after(before, status, headerTime) {
    const columns = [status, headerTime, '0.000'];
    const variables = {...before.variables};
    UPSTREAM.forEach((name, i) => { variables[name] = variables[name] ? `${variables[name]} : ${columns[i]}` : columns[i]; });
    return new FakeRequest({variables, uri: before.uri});
}

/** The answer that goes to the client. */
function answered(before, status) {
    const r = after(before, String(status), '0.001');
    r.trip = before.trip;
    r.seen = before.seen;
    r.status = status;
    answer.header(r);
    return r;
}

const tries = (r) => JSON.parse(r.variables.ostiary_attempts).a.map(([provider, , , error]) => [provider, error]);
const exhausted = (r) => JSON.parse(r.body).error;
const counts = (id) => report(Date.now()).counts[id];

test('the first attempt goes to the best target, and is in the registry', async () => {
    const r = await begin({policy: POLICY});
    const v = r.variables;
    assert.deepEqual([v.ostiary_base, v.ostiary_host, v.ostiary_server_name], ['https://up_a/v1', 'a.test:8443', 'a.test']);
    assert.deepEqual([v.ostiary_authorization, v.ostiary_x_api_key, v.ostiary_guard, v.ostiary_tries], ['Bearer a', '', '', '1']);
    assert.deepEqual(v.ostiary_decision.split('\t').slice(1, 9), ['k', '1', 'n', 'ns', 'o', 'mask', 'a', 'openai']);
    assert.equal(v.ostiary_decision.split('\t').length, 20);
    assert.equal(ngx.shared.ostiary_inflight.size(), 1);
    assert.equal(r.redirect, undefined, 'on to proxy_pass');
});

test('it_1 a failure goes on to another provider, with its credential', async () => {
    const r = await fail(await begin({policy: POLICY}), 429);
    assert.deepEqual([r.variables.ostiary_base, r.variables.ostiary_authorization], ['https://up_b/v1', 'Bearer b']);
    assert.deepEqual(tries(r), [['a', 'http_429'], ['b', '']]);
    assert.equal(ngx.shared.ostiary_inflight.size(), 1, 'the same entry');
});

test('it_3 exhaustion says every attempt, and is marked in the record', async () => {
    const r = await fail(await fail(await begin({policy: {...POLICY, default_max_attempts: 1}}), 429), 503);
    assert.equal(r.status, 503);
    assert.deepEqual(exhausted(r).attempts.map((each) => [each.model, each.error_type]), [['a/m', 'http_429'], ['b/m', 'http_503']]);
    assert.equal(JSON.parse(r.variables.ostiary_attempts).x, true);
    assert.deepEqual([answer.line(r), answer.told(r)], ['1', '{"last":true}']);
    assert.deepEqual([ngx.shared.ostiary_inflight.size(), ngx.shared.ostiary_counts.get('retrying')], [0, 0]);
});

test('it_3 on messages it is in Anthropic\'s envelope', async () => {
    const r = await fail(await begin({policy: {...POLICY, default_max_attempts: 0}}, {uri: '/v1/messages'}), 429);
    assert.deepEqual([JSON.parse(r.body).type, exhausted(r).type], ['error', 'retry_exhausted']);
});

test('it_9 retry-after blocks the target for the next request too, and nobody waits for it', async () => {
    const r = await fail(await begin({policy: POLICY}), 429, {retryAfter: '60'});
    assert.equal(r.variables.ostiary_provider, 'b');
    assert.equal((await begin({policy: POLICY})).variables.ostiary_provider, 'b');
    assert.deepEqual(Object.keys(report(Date.now()).blocks), ['m:a/m']);
});

test('pl_05 a block of this request is nobody else\'s', async () => {
    const policy = {...POLICY, retry_after: {...RETRY_AFTER, scope: 'provider', apply_to: 'request'}};
    const r = await fail(await begin({policy}), 429, {retryAfter: '60'});
    assert.deepEqual(Object.keys(r.trip.blocks), ['p:a']);
    assert.equal((await begin({policy})).variables.ostiary_provider, 'a');
});

test('pl_04 shortest remaining block is told when nobody is left', async () => {
    const policy = {...POLICY, default_max_attempts: 9};
    let r = await begin({policy}, {targets: TARGETS.slice(0, 2)});
    r = await fail(r, 429, {retryAfter: '60'});
    r = await fail(r, 429, {retryAfter: '30'});
    assert.deepEqual([r.headersOut['Retry-After'], exhausted(r).observed_max_retry_after_seconds], ['30', 60]);
    r = await begin({policy}, {targets: TARGETS.slice(0, 2)});
    assert.deepEqual([r.status, exhausted(r).total_attempts, r.variables.ostiary_tries], [502, 0, '0']);
});

test('pl_10 no connection and no answer are failures, and are told apart', async () => {
    const r = await fail(await fail(await begin({policy: POLICY}), 0), 0, {own: '504'});
    assert.deepEqual(tries(r), [['a', 'connection_error'], ['b', 'timeout_30000ms'], ['c', '']]);
    assert.deepEqual([counts('a/m'), counts('b/m')], [{success: 0, failure: 1}, {success: 0, failure: 1}]);
});

test('gz_14 without a policy each is tried once, and the last one\'s answer is the client\'s', async () => {
    let r = await begin({}, {targets: TARGETS.slice(0, 2)});
    assert.equal(r.redirect, undefined);
    r = await fail(r, 402);
    assert.deepEqual([r.variables.ostiary_provider, r.redirect], ['b', '@last']);
});

test('gz_14 a refused credential is out and the next one of the pool is shown', async () => {
    const targets = [{...TARGETS[0], credentials: ['Bearer 1', 'Bearer 2']}];
    const first = await begin({}, {targets});
    const r = await fail(first, 401);
    assert.deepEqual([first, r].map(({variables: v}) => v.ostiary_authorization), ['Bearer 1', 'Bearer 2']);
    assert.equal(r.redirect, '@last');
    assert.deepEqual(Object.values(report(Date.now()).blocks).map(([, why]) => why), ['credential']);
});

test('the header of a 401 that was not delivered does not reach the client', async () => {
    const first = await begin({policy: POLICY});
    const r = after(first, '401', '0.001');
    r.headersOut['WWW-Authenticate'] = 'Basic';
    await planned.access(r);
    assert.deepEqual([r.variables.ostiary_provider, r.headersOut], ['b', {}]);
});

test('where nobody is healthy, only what is built in tries somebody', async () => {
    const now = Date.now();
    ngx.shared.ostiary_health.set('o:a/m', `${now}\t60000`);
    const targets = TARGETS.slice(0, 1);
    assert.equal((await begin({policy: POLICY}, {targets})).status, 502);
    turn += 1;
    const r = answered(await begin({}, {targets}), 200);
    assert.equal(report(now).breakers['a/m'].state, 'CLOSED', 'its success closes the breaker');
    assert.equal(r.status, 200);
});

test('gz_15 a half-open target that is claimed is left to the one who has it', async () => {
    ngx.shared.ostiary_health.set('o:a/m', `${Date.now() - 2}\t1`);
    const first = await begin({policy: POLICY});
    assert.deepEqual([first, await begin({policy: POLICY})].map(({variables: v}) => v.ostiary_provider), ['a', 'b']);
    answer.line(first); // its client has left: there was no answer
    assert.equal((await begin({policy: POLICY})).variables.ostiary_provider, 'a');
});

test('pl_08 and the budget end it after one attempt', async () => {
    settings.budgetMinimum = 0;
    settings.budgetPercent = 0;
    const r = await fail(await begin({policy: POLICY}), 429);
    assert.deepEqual([r.status, exhausted(r).retry_budget_exhausted], [429, true]);
    settings.retryConcurrency = 0;
    assert.equal((await begin({policy: POLICY})).redirect, '@last', 'the answer is passed on whatever it is');
});

test('no more than nginx has jumps for', async () => {
    const policy = {...POLICY, default_strategy: 'same_model', default_max_attempts: 8};
    for (const [known, attempts] of [['', 9], ['1', 8]]) {
        turn += 1;
        let r = await begin({policy});
        r.variables.ostiary_trip = r.variables.ostiary_trip.replace('"jumps":1', known ? '"jumps":2' : '"jumps":1');
        for (let i = 0; r.status === undefined; i += 1) {
            assert.ok(i < 10);
            r = await fail(r, 429);
        }
        assert.equal(exhausted(r).total_attempts, attempts);
    }
});

test('pl_06 a slow answer is delivered, and the next request goes elsewhere before it has ended', async () => {
    const rule = {threshold_ms: 0, measure: 'total', block_ms: 1000, scope: 'model', apply_to: 'global', min_triggers: 1, window_ms: 1};
    const r = answered(await begin({policy: {...POLICY, on_high_latency: rule}}), 200);
    r.trip.sent -= 5;
    answer.body(r, Buffer.from('x'), {last: false});
    assert.equal(r.text, 'x');
    assert.deepEqual(Object.keys(report(Date.now()).blocks), ['m:a/m']);
});

test('a stream that breaks off is told to the client, and counts against the backend', async () => {
    const r = answered(await begin({policy: POLICY}), 200);
    r.headersOut['Content-Type'] = 'text/event-stream';
    answer.body(r, Buffer.alloc(0), {last: false}); // the head came alone
    answer.body(r, Buffer.from('data: {"a"'), {last: false});
    answer.body(r, Buffer.alloc(0), {last: false});
    assert.match(r.text, /^data: \{"a"\n\ndata: \{"error":\{[^\n]*"code":502\}\}\n\n$/);
    answer.line(r);
    assert.deepEqual([counts('a/m'), report(Date.now()).breakers['a/m'].failures], [{success: 1, failure: 1}, 1]);
    assert.equal(JSON.parse(answer.told(r)).last, false);
});

test('what is not a stream is broken off as it is', async () => {
    const r = answered(await begin({policy: POLICY}), 200);
    answer.body(r, Buffer.from('{"a'), {last: false});
    answer.body(r, Buffer.alloc(0), {last: false});
    assert.equal(r.text, '{"a');
});

test('the last attempt without an answer is learnt from, and told as nginx tells it', async () => {
    const first = await begin({}, {targets: TARGETS.slice(0, 1)});
    assert.equal(first.redirect, '@last');
    const r = after(first, '502', '-');
    Object.assign(r.variables, {status: '502', ostiary_dialect: 'openai'});
    problem.say(r);
    assert.deepEqual([r.status, tries(r), counts('a/m')], [502, [['a', 'connection_error']], {success: 0, failure: 1}]);
});

test('a guard that is away says nothing of the provider', async () => {
    const r = await fail(await begin({policy: POLICY, guarded: true}), 0);
    assert.deepEqual([tries(r)[0], counts('a/m')], [['a', 'connection_error'], undefined]);
    const orders = JSON.parse(r.variables.ostiary_guard);
    assert.deepEqual([r.variables.ostiary_base, orders.target, orders.attempt_ms], ['http://ostiary_guard/v1', 'https://b.test:8443', 30_000]);
});

test('a plan that is gone is asked for again', async () => {
    const plan = {model: 'M', targets: TARGETS};
    const identity = {key_id: 'k', key_version: '1', name: 'n', namespace: 'ns', owner: 'o'};
    ngx.shared.ostiary_state.set('generation', `g${turn}`);
    const r = new FakeRequest({
        headersIn: {Authorization: 'Bearer sk-1'},
        variables: {ostiary_planned: [`g${turn}`, 'k', '1', 'n', 'ns', 'o', 'mask', 'chat:m', 'builtin'].join('\t') + PLANNED, ostiary_fields: 'f'},
        answers: [{status: 200, responseText: JSON.stringify({generation: `g${turn}`, identity, plan})}],
    });
    await planned.access(r);
    assert.deepEqual([r.asked[0][0], r.variables.ostiary_provider], ['/_auth', 'a']);
});

for (const [said, expected] of [
    [{status: 200, responseText: '{"order":[2,0],"route":"code"}'}, ['c', 'code']],
    [{status: 200, responseText: '{"order":[],"route":null}'}, ['a', '']],
    [{status: 200, responseText: '<html>'}, ['a', '']],
    [{status: 504}, ['a', '']],
]) {
    test(`pl_26 the sidecar says the order, and nothing depends on its answer: ${JSON.stringify(said)}`, async () => {
        const headersIn = {'X-Model-Affinity': 'session'};
        const r = await begin({routed: true}, {answers: [said], requestText: '{"messages":[]}', headersIn});
        assert.deepEqual(JSON.parse(r.asked[0][1].body), {key: '', model: 'M', dialect: 'chat', body: '{"messages":[]}', affinity: 'session'});
        if (expected[1] !== '') {
            assert.deepEqual([r.variables.ostiary_provider, JSON.parse(r.variables.ostiary_attempts).r], expected);
        }
        assert.equal(r.status, undefined);
    });
}

for (const [given, said, expected] of [
    [{ostiary_translate: '{}'}, 'refused', 'not_expressible'], [{ostiary_guard: '{}'}, 'timeout', 'timeout_'], [{}, 'refused', 'http_400'],
    [{}, 'timeout', 'http_400'],
]) {
    test(`pl_20 the word ${said} is the guard's or the translator's, and no provider's: ${JSON.stringify(given)}`, async () => {
        const before = await begin({policy: {...POLICY, on_status_codes: [{codes: [[400, 400]], strategy: 'different_provider', max_attempts: 1}]}});
        const r = after(before, '400', '0.001');
        Object.assign(r.variables, given, {upstream_http_x_ostiary_guard: said});
        await planned.access(r);
        assert.ok(tries(r)[0][1].startsWith(expected), tries(r)[0][1]);
        assert.equal(counts('a/m')?.failure ?? 0, given.ostiary_guard ? 1 : 0);
    });
}
