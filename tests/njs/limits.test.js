// Purses, what a request takes from them, how they are filled, and what a caller is told.
import assert from 'node:assert/strict';
import {beforeEach, test} from 'node:test';
import {FakeRequest, install} from './fakes.js';

const ngx = install();
const {borrow, capText, charge} = await import('../../gateway/nginx/njs/charge.js');
const {duration} = await import('../../gateway/nginx/njs/duration.js');
const {hideLimits} = await import('../../gateway/nginx/njs/meters.js');
const {giveBack, grant, purse, report, slotsOf, takeBack} = await import('../../gateway/nginx/njs/purses.js');
const {canonical, described} = await import('../../gateway/nginx/njs/request.js');
const {heeded} = await import('../../gateway/nginx/njs/bounds.js');
const {spendOf} = await import('../../gateway/nginx/njs/spend.js');
const {default: control} = await import('../../gateway/nginx/njs/control.js');

const [RATE, SLOT, MONEY, TOKENS] = ['raaaaaaaaaaaa', 'caaaaaaaaaaaa', 'maaaaaaaaaaaa', 'taaaaaaaaaaaa'];
const CHAT = '/v1/chat/completions';
const QUESTION = {key: 'hash', surface: 'managed', target: 'm'};
const zone = (name) => ngx.shared[`ostiary_${name}`];
const fill = (amounts) => Object.entries(amounts).forEach(([key, n]) => zone(/^[gb]?c/.test(key) ? 'slots' : 'purses').set(key, n));
const left = (key) => zone(key[0] === 'c' ? 'slots' : 'purses').get(key);
let turn = 0; // a decision of its own for each test: contexts remember what they spend
const spending = (purses, more = {}) => spendOf(`${turn += 1}\t${JSON.stringify({purses, ...more})}\x02`);
const leased = (answer) => ({status: 200, responseText: JSON.stringify(answer)});
const request = (bounds = ':::', more = {}) => new FakeRequest({requestText: '{}', ...more, variables: {ostiary_bounds: bounds, ...more.variables}});

beforeEach(() => {
    for (const dict of Object.values(ngx.shared)) {
        dict.entries.clear();
    }
});

test('a request takes from each of its purses and says so in its record', () => {
    const spend = spending([[RATE], [SLOT], [MONEY]], {input_price: 2_000_000, output_price: 8_000_001, request_price: 5});
    fill({[RATE]: 3, [SLOT]: 1, [MONEY]: 1_000_000});
    const r = request('max_tokens:10::');
    assert.equal(charge(r, 'openai', spend, 100, CHAT), true);
    assert.equal(r.variables.ostiary_held, `${RATE}=1,${SLOT}=1,${MONEY}=280006`);
    assert.deepEqual([left(RATE), left(SLOT), left(MONEY)], [2, 0, 719_994]);
    assert.deepEqual(slotsOf(r.variables.ostiary_held), [SLOT]);
    giveBack([SLOT]);
    assert.equal(left(SLOT), 1);
});

for (const [name, bounds, path, body, input, output] of [
    ['its own maximum', 'max_tokens:7::', CHAT, '{}', 50, 7],
    ['the default where it names none', ':::', CHAT, '{}', 50, 4096],
    ['several answers', 'max_tokens:7:3:', CHAT, '{}', 50, 21],
    ['no answer is still one', 'max_tokens:7:0:', CHAT, '{}', 50, 7],
    ['a maximum that this route does not know', 'max_output_tokens:7::', CHAT, '{}', 50, 4096],
    ['the maximum of Responses', 'max_output_tokens:7::', '/v1/responses', '{}', 50, 7],
    ['embeddings', ':::', '/v1/embeddings', '{}', 50, 0],
    ['an image', ':::[', CHAT, '{"messages":[{"content":[{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"y"}]}]}', 5050, 4096],
    ['an escaped image', ':::[', CHAT, '{"messages":[{"content":[{"type":"im\\u0061ge"},{"type":"file"}]}]}', 10_050, 4096],
    ['a conversation kept elsewhere', ':::"', '/v1/responses', '{"previous_response_id":"r1"}', 5050, 4096],
    ['tools, which refer to nothing', ':::[', CHAT, '{"tools":[{"type":"function"}]}', 50, 4096],
]) {
    test(`tokens that may be used: ${name}`, () => {
        const spend = spending([['iaaaaaaaaaaaa'], ['oaaaaaaaaaaaa'], [TOKENS], ['kaaaaaaaaaaaa']]);
        fill({iaaaaaaaaaaaa: 99_999, oaaaaaaaaaaaa: 99_999, [TOKENS]: 99_999, kaaaaaaaaaaaa: 99_999});
        charge(request(bounds, {requestText: body, variables: {ostiary_refers: '1'}}), 'openai', spend, 50, path);
        assert.deepEqual(spend.amounts, [input, output, input + output, input + output]);
    });
}

test('what one purse lacks is taken from none', () => {
    const spend = spending([[RATE], [SLOT]]);
    fill({[RATE]: 5, [SLOT]: 0});
    const r = request();
    assert.equal(charge(r, 'openai', spend, 1, CHAT), false);
    assert.deepEqual([left(RATE), left(SLOT), r.variables.ostiary_held], [5, 0, undefined]);
});

test('a lease is asked for once for all that lacks, and fills the purse for others', async () => {
    const spend = spending([[RATE, 60_000, 'requests'], [SLOT], [MONEY]], {input_price: 1000});
    const r = request('max_tokens:0::', {requestText: '{"a":1}'});
    const slot = Math.floor(Date.now() / 60_000);
    fill({[SLOT]: 4});
    r.answers.push(leased({grants: [[RATE, slot, 1, 9, 100, 50, 1_000_000], [MONEY, 0, 5, 1000, 9, 9, 0]]}));
    assert.equal(charge(r, 'openai', spend, 7, CHAT), false);
    assert.deepEqual(await borrow(r, 'openai', spend, QUESTION), [SLOT]);
    const [[uri, {body}]] = r.asked;
    assert.deepEqual([uri, JSON.parse(body)], ['/_lease', {...QUESTION, needs: [[RATE, slot, 1], [MONEY, 0, 7]], returns: [], body: '{"a":1}'}]);
    assert.equal(r.variables.ostiary_held, `${RATE}.${slot}=1,${SLOT}=1,${MONEY}=5`, 'a finer estimate counts');
    assert.deepEqual(report(), {[`${RATE}.${slot}`]: [9, 10, 0], [MONEY]: [1000, 1005, 0]});
    assert.match(r.variables.ostiary_meter, /^100\t59\t1000\t100\t59\t0ms\t/);
});

test('what was not used of a slot that is over goes back with the next question', async () => {
    const spend = spending([[RATE, 60_000]]);
    const slot = Math.floor(Date.now() / 60_000);
    fill({[`${RATE}.${slot - 1}`]: 7, [`g${RATE}.${slot - 1}`]: 10, [`b${RATE}.${slot - 1}`]: 2});
    const r = request();
    r.answers.push(leased({grants: [[RATE, slot, 1, 0, 10, 0, 0]]}));
    charge(r, 'flat', spend, 0, '/x');
    await borrow(r, 'flat', spend, QUESTION);
    assert.deepEqual(JSON.parse(r.asked[0][1].body).returns, [[RATE, slot - 1, 9]]);
    assert.deepEqual(report()[`${RATE}.${slot - 1}`], [0, 10, 9]);
});

for (const [dialect, status, expected] of [
    ['openai', 429, {error: {message: 'why', type: 'requests', param: null, code: 429}}],
    ['openai', 402, {error: {message: 'why', type: 'insufficient_quota', param: null, code: 402}}],
    ['anthropic', 429, {type: 'error', error: {type: 'rate_limit_error', message: 'why'}, request_id: ''}],
    ['anthropic', 402, {type: 'error', error: {type: 'billing_error', message: 'why'}, request_id: ''}],
    ['flat', 429, {error: 'rate_limit_exceeded', message: 'why', request_id: ''}],
    ['flat', 402, {error: 'budget_exceeded', message: 'why', request_id: ''}],
]) {
    test(`a shortage is refused as ${dialect} with ${status}, and nothing is kept`, async () => {
        const spend = spending([[RATE, 0, 'requests'], [SLOT]]);
        fill({[SLOT]: 1});
        const r = request();
        const again = status === 402 ? 0 : 1500;
        r.answers.push(leased({shortage: {refusal: {status, message: 'why'}, purse: RATE, retry_after_ms: again, hold_ms: 0, limit: 10, reset_ms: 5000}}));
        charge(r, dialect, spend, 0, CHAT);
        assert.equal(await borrow(r, dialect, spend, QUESTION), null);
        assert.deepEqual([r.status, JSON.parse(r.body), left(SLOT)], [status, expected, 1]);
        const {'Retry-After': seconds, 'retry-after-ms': ms, 'x-should-retry': retry} = r.headersOut;
        assert.deepEqual([seconds, ms, retry], status === 402 ? [undefined, undefined, 'false'] : ['2', '1500', undefined]);
        assert.match(r.variables.ostiary_meter, /^10\t0\t5/);
    });
}

test('a shortage that holds is said again without asking, to whoever needs as much', async () => {
    const spend = spending([[TOKENS]]);
    const shortage = {refusal: {status: 429, message: 'why'}, purse: TOKENS, retry_after_ms: 900, hold_ms: 5000, limit: 10, reset_ms: 5000};
    const ask = async (tokens, ...answers) => {
        const r = request(`max_tokens:${tokens}::`);
        r.answers.push(...answers.map(leased));
        charge(r, 'openai', spend, 0, CHAT);
        await borrow(r, 'openai', spend, QUESTION);
        return [r.status, r.asked.length];
    };
    assert.deepEqual(await ask(100, {shortage}), [429, 1]);
    assert.deepEqual(await ask(100), [429, 0]);
    assert.deepEqual(await ask(99, {grants: [[TOKENS, 0, 99, 0, 10, 0, 0]]}), [undefined, 1]);
});

test('without the sidecar rates and slots let through, and are counted', async () => {
    const spend = spending([[RATE], [SLOT]]);
    fill({[SLOT]: 1});
    const r = request();
    r.answers.push({status: 502});
    charge(r, 'openai', spend, 0, CHAT);
    assert.deepEqual(await borrow(r, 'openai', spend, QUESTION), [SLOT]);
    assert.deepEqual([r.variables.ostiary_held, zone('counts').get('unleased')], [`${SLOT}=1`, 1]);
});

test('without the sidecar no money is spent', async () => {
    const spend = spending([[RATE], [MONEY]], {output_price: 1000});
    fill({[RATE]: 1});
    const r = request();
    r.answers.push({status: 502});
    charge(r, 'openai', spend, 0, CHAT);
    assert.equal(await borrow(r, 'openai', spend, QUESTION), null);
    assert.deepEqual([r.status, r.headersOut['Retry-After'], left(RATE)], [503, '1', 1]);
});

test('a request whose client left while it borrowed leaves nothing to the next one of its context', async () => {
    const spend = spending([[RATE]]);
    const gone = request();
    gone.subrequest = () => new Promise(() => undefined);
    charge(gone, 'openai', spend, 0, CHAT);
    borrow(gone, 'openai', spend, QUESTION);
    spend.owned[0] = true;
    spend.amounts[0] = 0;
    assert.equal(charge(request(), 'openai', spend, 0, CHAT), false);
    fill({[RATE]: 1});
    assert.equal(charge(request(), 'openai', spend, 0, CHAT), true);
});

test('what one purse lacks while another is filled is asked for too', async () => {
    const spend = spending([[RATE], [SLOT]]);
    fill({[SLOT]: 1});
    const r = request();
    r.answers.push(leased({grants: [[RATE, 0, 1, 0, 1, 0, 0]]}), leased({grants: [[SLOT, 0, 1, 0, 1, 0, 0]]}));
    charge(r, 'openai', spend, 0, CHAT);
    const borrowed = borrow(r, 'openai', spend, QUESTION);
    fill({[SLOT]: 0});
    assert.deepEqual(await borrowed, [SLOT]);
    assert.deepEqual(r.asked.map(([, {body}]) => JSON.parse(body).needs), [[[RATE, 0, 1]], [[SLOT, 0, 1]]]);
});

test('a sidecar that grants nothing and refuses nothing is given up', async () => {
    const spend = spending([[RATE]]);
    const r = request();
    r.answers.push(...[1, 2, 3].map(() => leased({grants: []})));
    charge(r, 'openai', spend, 0, CHAT);
    assert.equal(await borrow(r, 'openai', spend, QUESTION), null);
    assert.deepEqual([r.status, r.asked.length], [503, 3]);
});

test('anthropic is told by its own names', () => {
    const spend = spending([[RATE, 0, 'requests'], ['iaaaaaaaaaaaa', 0, 'input_tokens']]);
    fill({[RATE]: 3, iaaaaaaaaaaaa: 100});
    zone('meters').set(RATE, '10\t4\t1795281722001');
    zone('meters').set('iaaaaaaaaaaaa', '1000\t200\t1795281722000');
    const r = request(':::', {uri: '/v1/messages'});
    charge(r, 'anthropic', spend, 30, '/v1/messages');
    assert.equal(r.variables.ostiary_meter, '10\t6\t1795281723');
    assert.equal(r.variables.ostiary_anthropic_meter, '10\t6\t2026-11-21T17:22:03Z\t\t\t\t1000\t270\t2026-11-21T17:22:02Z\t\t\t');
});

test('of several windows the tightest is shown', () => {
    const spend = spending([[RATE, 0, 'requests'], ['rbbbbbbbbbbbb', 0, 'requests']]);
    fill({[RATE]: 100, rbbbbbbbbbbbb: 5});
    zone('meters').set(RATE, '1000\t0\t5000');
    zone('meters').set('rbbbbbbbbbbbb', '10\t1\t9000');
    const r = request();
    charge(r, 'flat', spend, 0, '/x');
    assert.equal(r.variables.ostiary_meter, '10\t5\t9');
});

for (const [ms, text] of [[-5, '0ms'], [20, '20ms'], [1000, '1s'], [1001, '2s'], [360_000, '6m0s'], [3_600_000, '1h0m0s'], [86_399_000, '23h59m59s']]) {
    test(`OpenAI's way to say ${ms} ms`, () => assert.equal(duration(ms), text));
}

test('a provider\'s own limits are taken out', () => {
    const headersOut = {'X-Ratelimit-Limit-Requests': '1', 'anthropic-ratelimit-tokens-limit': '2', 'X-Other': '3'};
    const r = new FakeRequest({headersOut, rawHeadersOut: Object.entries(headersOut)});
    hideLimits(r);
    assert.deepEqual(headersOut, {'X-Other': '3'});
});

test('what is taken back is what there is, and both are told for ever', () => {
    fill({[MONEY]: 30, [`g${MONEY}`]: 100, [SLOT]: 1, [`g${SLOT}`]: 1});
    assert.deepEqual([takeBack(MONEY, 20), takeBack(MONEY, 20), takeBack(MONEY, 1), takeBack('mnobody', 1)], [20, 10, 0, 0]);
    assert.deepEqual(report(), {[MONEY]: [0, 100, 30], [SLOT]: [1, 1, 0]});
    const r = new FakeRequest({requestText: JSON.stringify({take_back: {[SLOT]: 5}})});
    control.purses(r);
    assert.deepEqual([r.status, JSON.parse(r.body)], [200, {epoch: 'epoch0', taken: {[SLOT]: 1}, granted: {[SLOT]: 1}, back: {[SLOT]: 1}}]);
    const told = new FakeRequest({method: 'GET'});
    control.purses(told);
    assert.deepEqual(JSON.parse(told.body), {epoch: 'epoch0', purses: {[MONEY]: [0, 100, 30], [SLOT]: [0, 1, 1]}});
    const broken = new FakeRequest({requestText: 'x'});
    control.purses(broken);
    assert.equal(broken.status, 400);
});

test('what is taken out of a slot that is over is not remembered for ever', (context) => {
    const key = `${RATE}.${Math.floor(Date.now() / 50) - 3}`;
    const incr = context.mock.method(zone('purses'), 'incr');
    fill({[key]: 5});
    assert.equal(takeBack(key, 5), 5);
    assert.deepEqual(incr.mock.calls.map((call) => call.arguments), [[key, -5, 0, 5050], [`b${key}`, 5, 0, 8000]]);
    fill({[MONEY]: 5});
    takeBack(MONEY, 5);
    assert.deepEqual(incr.mock.calls.slice(2).map((call) => call.arguments), [[MONEY, -5, 0], [`b${MONEY}`, 5, 0]]);
});

test('what was granted and taken back begins anew before it is not exact any more', () => {
    const round = 2 ** 51;
    fill({[MONEY]: 30, [`b${MONEY}`]: round - 10, [`g${MONEY}`]: round - 3});
    assert.deepEqual([takeBack(MONEY, 9), report()[MONEY]], [9, [21, round - 3, round - 1]]);
    takeBack(MONEY, 9);
    grant(purse([MONEY]), 0, 3, 4);
    assert.deepEqual(report()[MONEY], [16, 4, 8]);
});

test('a caller that has gone is nobody\'s error', () => {
    const r = new FakeRequest({method: 'GET', return() { throw new Error('failed to send response'); }});
    control.purses(r);
    assert.deepEqual(ngx.said, []);
});

test('texts are told once', () => {
    zone('uncounted').set('e-1', '{"i":"a"}');
    const ask = () => {
        const r = new FakeRequest({requestText: '["e-1","e-2"]'});
        control.uncounted(r);
        return JSON.parse(r.body);
    };
    assert.deepEqual([ask(), ask()], [{'e-1': {i: 'a'}}, {}]);
});

for (const [uri, type, text] of [
    [CHAT, 'openai', ',"max_completion_tokens":9'], [CHAT, 'openai-compatible', ',"max_tokens":9'], ['/v1/completions', 'openai', ',"max_tokens":9'],
    ['/v1/messages', 'anthropic', ',"max_tokens":9'], ['/v1/responses', 'openai', ',"max_output_tokens":9'],
]) {
    test(`the maximum written into ${uri} of ${type}`, () => assert.equal(capText(uri, type, 9), text));
}

for (const [body, bounds] of [
    [{max_tokens: 5, max_completion_tokens: 9, n: 2}, 'max_completion_tokens:9:2:1'],
    [{max_tokens: null, best_of: 3}, '::3:1'],
    [{max_output_tokens: 9}, '::1:1'],
    [{max_tokens: 1.5}, 'max_tokens:2:1:1'],
]) {
    test(`bounds of a body that is parsed: ${JSON.stringify(body)}`, () => {
        const r = new FakeRequest({requestText: JSON.stringify({model: 'm', ...body})});
        assert.equal(canonical(r).problem, '');
        assert.equal(r.variables.ostiary_bounds, bounds);
        assert.ok(!r.variables.ostiary_body_after.includes('null'));
    });
}

test('a pass-through body of Google\'s has bounds too', () => {
    const r = new FakeRequest({requestText: '{"contents":[],"generationConfig":{"maxOutputTokens":8,"candidateCount":2}}'});
    assert.equal(described(r, '/v1beta/models/g:generateContent'), '');
    assert.equal(r.variables.ostiary_bounds, 'max_tokens:8:2:1');
    assert.equal(heeded('max_tokens', '/v1beta/models/g:generateContent'), true);
});
