// Who may call, what is asked of the sidecar, what is kept, and what goes upstream: the modules behind js_access.
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {beforeEach, test} from 'node:test';
import {FakeDict, FakeRequest, install} from './fakes.js';

const ngx = install();
const {callerOf} = await import('../../gateway/nginx/njs/credential.js');
const {ask, isLimited, isTranslated, recall, recallRefusal} = await import('../../gateway/nginx/njs/decisions.js');
const {errorBody} = await import('../../gateway/nginx/njs/dialects.js');
const {accept, redacted, settle} = await import('../../gateway/nginx/njs/registry.js');
const {canonical} = await import('../../gateway/nginx/njs/request.js');
const {default: managed} = await import('../../gateway/nginx/njs/managed.js');
const {default: passThrough} = await import('../../gateway/nginx/njs/pass_through.js');
const {default: settings} = await import('../../gateway/nginx/njs/settings.js');
const {default: control} = await import('../../gateway/nginx/njs/control.js');

const KEY = 'sk-secret-abcdef';
const HASH = createHash('sha256').update(KEY).digest('hex');
const BEARER = {Authorization: `Bearer ${KEY}`};
const IDENTITY = {key_id: 'k1', key_version: '2', name: 'n', namespace: 'ns', owner: 'a\tb'};
const BACKEND = {
    provider: 'openai', provider_type: 'openai', upstream: 'up_1', scheme: 'https', host: 'api.test', base_path: '/x',
    model: 'm', credential_header: 'authorization', credential: 'Bearer provider',
};
const GRANTED = {generation: 'aa', identity: IDENTITY, backends: [BACKEND]};

const reply = (answer) => ({status: 200, responseText: JSON.stringify(answer)});
const zone = (name) => ngx.shared[`ostiary_${name}`];

beforeEach(() => {
    for (const dict of Object.values(ngx.shared)) {
        dict.entries.clear();
    }
    zone('state').set('generation', 'aa');
});

for (const [id, headers, key] of [
    ['lm_02 a bearer key', {Authorization: `Bearer ${KEY}`}, KEY],
    ['lm_03 the scheme in any case', {Authorization: `bEaReR   ${KEY}`}, KEY],
    ['lm_04 x-api-key', {'x-api-key': KEY}, KEY],
    ['lm_05 bearer before x-api-key', {Authorization: 'Bearer other', 'x-api-key': KEY}, 'other'],
    ['lm_07 another scheme falls through', {Authorization: 'Basic abc', 'x-api-key': KEY}, KEY],
    ['lm_06 an empty bearer is no key', {Authorization: 'Bearer '}, undefined],
    ['lm_07 another scheme is no key', {Authorization: 'Basic abc'}, undefined],
    ['lm_08 nothing else is a key', {'api-key': KEY, 'x-goog-api-key': KEY}, undefined],
]) {
    test(id, () => {
        for (let turn = 0; turn < 2; turn += 1) {
            const hash = key === undefined ? undefined : createHash('sha256').update(key).digest('hex');
            assert.equal(callerOf(new FakeRequest({headersIn: headers}))?.hash, hash);
        }
    });
}

test('lm_23 the mask is the last six characters, of a short key all', () => {
    assert.equal(callerOf(new FakeRequest({headersIn: BEARER})).mask, 'abcdef');
    assert.equal(callerOf(new FakeRequest({headersIn: {'x-api-key': 'abc'}})).mask, 'abc');
});

test('a decision is asked for once, and is dead with its generation', async () => {
    const r = new FakeRequest({answers: [reply(GRANTED)]});
    const packed = await ask(r, {hash: HASH, mask: 'abcdef'}, 'managed', 'openai/m');
    assert.deepEqual(JSON.parse(r.asked[0][1].body), {key: HASH, surface: 'managed', target: 'openai/m', dialect: 'chat'});
    assert.equal(recall(`${HASH}copenai/m`), packed);
    assert.equal(packed.split('\t').length, 20);
    assert.equal(packed.split('\t')[5], 'a b', 'a tab in a field would make two of it');
    zone('state').set('generation', 'bb');
    assert.equal(recall(`${HASH}copenai/m`), undefined);
});

test('pl_24 one place to go in another dialect: the decision says what the translator is told', async () => {
    const backend = {...BACKEND, provider_type: 'bedrock', model: 'a/b', translate: 'converse', signing: 'aws', region: 'eu-central-1', name: 'é', credential: 'id:secret'};
    for (const [spend, ending] of [[undefined, '\x04'], [{purses: []}, '\x05']]) {
        zone('decisions').entries.clear();
        const r = new FakeRequest({uri: '/v1/messages', answers: [reply({...GRANTED, backends: [backend], spend})]});
        const packed = await ask(r, {hash: HASH, mask: 'abcdef'}, 'managed', 'm');
        assert.ok(isTranslated(packed) && packed.endsWith(ending));
        assert.equal(isLimited(packed), spend !== undefined);
        const fields = packed.split('\t');
        assert.equal(fields[9], 'http://ostiary_translator/converse');
        assert.ok(!fields.slice(14, 19).join('').includes('secret'), 'AWS keys sign, they are no header');
        const text = fields[19].replace('\x04', '');
        assert.match(text, /^[ -~]+$/);
        const {path, stream_path: stream, client, aws, name} = JSON.parse(text);
        assert.deepEqual([path, stream, client, aws, name], ['/model/a%2Fb/converse', '/model/a%2Fb/converse-stream', 'messages', 'id:secret', 'é']);
    }
});

test('a decision of another generation is used once and not kept', async () => {
    zone('state').set('generation', 'bb');
    const packed = await ask(new FakeRequest({answers: [reply(GRANTED)]}), {hash: HASH, mask: ''}, 'managed', 'openai/m');
    assert.equal(typeof packed, 'string');
    assert.equal(zone('decisions').size(), 0);
});

test('an expired key is not kept', async () => {
    const answer = {...GRANTED, expires_ms: Date.now() - 1};
    await ask(new FakeRequest({answers: [reply(answer)]}), {hash: HASH, mask: ''}, 'managed', 'openai/m');
    assert.equal(zone('decisions').size(), 0);
});

test('refusals lie in a zone of their own', async () => {
    const refusal = {generation: 'aa', refusal: {status: 401, code: 'invalid_api_key', message: 'invalid API key'}};
    const caller = {hash: HASH, mask: ''};
    const answer = await ask(new FakeRequest({answers: [reply(refusal)]}), caller, 'managed', '');
    assert.deepEqual(answer, {status: 401, message: 'invalid API key', stranger: true});
    assert.deepEqual(recallRefusal(HASH), answer);
    assert.equal(zone('decisions').size(), 0);
    const again = new FakeRequest();
    assert.deepEqual(await ask(again, caller, 'managed', ''), answer);
    assert.equal(again.asked.length, 0);
});

for (const status of [500, 502, 504]) {
    test(`lm_11 no answer of the sidecar is a refusal: ${status}`, async () => {
        const r = new FakeRequest({headersIn: BEARER, variables: {request_uri: '/openai/v1/x'}, answers: [{status}]});
        await passThrough.access(r);
        assert.equal(r.status, 403);
        assert.equal(JSON.parse(r.body).message, 'API key not authorized');
    });
}

test('lm_11 an answer that is not a decision is JSON and no admission', async () => {
    const answers = [{status: 200, responseText: '<html>'}];
    const r = new FakeRequest({headersIn: BEARER, variables: {request_uri: '/openai/v1/x'}, answers});
    await passThrough.access(r);
    assert.equal(r.status, 500);
    assert.equal(zone('inflight').size(), 0);
});

test('the caller is asked for before the body is read', async () => {
    const r = new FakeRequest({headersIn: BEARER, answers: [reply({generation: 'aa', identity: IDENTITY})]});
    r.readRequestArrayBuffer = () => assert.fail('the body was read');
    await managed.access(r);
    assert.deepEqual([r.redirect, r.variables.ostiary_known], ['/v1/chat/completions', '1']);
});

test('an accepted request is in the registry until it is settled', async () => {
    zone('decisions').set(HASH, 'aa\t');
    const variables = {ostiary_body_model: 'openai/m', ostiary_fields: 'fields'};
    const r = new FakeRequest({headersIn: BEARER, variables, answers: [reply(GRANTED)]});
    await managed.access(r);
    assert.equal(r.status, undefined);
    assert.deepEqual(zone('inflight').items(), [['epoch0-1', 'fields']]);
    settle({id: 'epoch0-1', fields: 'fields'});
    assert.equal(zone('inflight').size(), 0);
    assert.deepEqual(zone('logging').items(), [[String(process.pid), 'epoch0-1\tfields']]);
});

test('a full registry does not refuse', () => {
    const set = FakeDict.prototype.set;
    const full = zone('inflight');
    full.set = () => { throw new Error('no memory'); };
    const r = new FakeRequest({variables: {ostiary_fields: 'f'}});
    assert.equal(accept(r, 'decision').id, 'epoch0-1');
    full.set = set;
    assert.match(zone('complaints').keys()[0], /registry/);
});

for (const uri of ['/a/../b', '/a/%2e%2E/b', '/a/.', '/a/x%2f..%2fy', '/a/..%5cy', '/a\\..\\b']) {
    test(`a dot segment is refused: ${uri}`, async () => {
        const r = new FakeRequest({headersIn: BEARER, variables: {request_uri: uri}});
        await passThrough.access(r);
        assert.equal(r.status, 400);
    });
}

test('what goes upstream is the raw rest of the URI', async () => {
    for (const [uri, prefix, path] of [
        ['/openai/v1/a%2Fb//c?x=%41/..', 'openai', '/v1/a%2Fb//c?x=%41/..'],
        ['/openai', 'openai', '/'], ['/openai?x=1', 'openai', '/?x=1'], ['/open%61i/x', 'open%61i', '/x'],
    ]) {
        const r = new FakeRequest({headersIn: BEARER, variables: {request_uri: uri, ostiary_fields: ''}, answers: [reply(GRANTED)]});
        zone('decisions').entries.clear();
        await passThrough.access(r);
        assert.deepEqual([JSON.parse(r.asked[0][1].body).target, r.variables.ostiary_path], [prefix, path]);
    }
});

test('credential-like query values are not recorded', () => {
    const uri = '/g/v1?key=AAA&alt=sse&access_token=B&X-Goog-Signature=C&api-key=D&sig=E&x=1&monkey_business=2';
    assert.equal(redacted(uri), '/g/v1?key=REDACTED&alt=sse&access_token=REDACTED&X-Goog-Signature=REDACTED&api-key=REDACTED'
        + '&sig=REDACTED&x=1&monkey_business=2');
});

for (const [body, problem] of [
    ['not json', 'invalid JSON body'], ['[]', 'invalid JSON body'], ['null', 'invalid JSON body'], ['', 'invalid JSON body'],
    ['{}', "missing 'model' field"], ['{"model":""}', "missing 'model' field"], ['{"model":["a/b"]}', "missing 'model' field"],
    ['{"__proto__":{"model":"a/b"}}', "missing 'model' field"],
    ['{"model":"a/b","MODEL":"c/d"}', "a second field is spelled like 'model'"],
]) {
    test(`a body that is refused: ${body}`, () => {
        assert.equal(canonical(new FakeRequest({requestText: body})).problem, problem);
    });
}

for (const body of ['{"model":"a/b","model":"c/d","x":1}', '{"mod\\u0065l":"c/d","x":1}', '{"x":1,"model":"c\\u002fd"}']) {
    test(`a canonical body names one model: ${body}`, () => {
        const r = new FakeRequest({requestText: body});
        const v = r.variables;
        assert.deepEqual(canonical(r), {model: 'c/d', problem: ''});
        assert.equal(`${v.ostiary_body_before}d"${v.ostiary_body_after}`, '{"model":"d","x":1}');
    });
}

test('stream options that do not ask for usage are kept for nginx.conf to add to', () => {
    const asks = new FakeRequest({requestText: '{"model":"a/b","stream":true,"stream_options":{"x":1}}'});
    canonical(asks);
    assert.equal(asks.variables.ostiary_other_options, ',"x":1');
    assert.equal(asks.variables.ostiary_body_after, ',"stream":true}');
    const asked = new FakeRequest({requestText: '{"model":"a/b","stream":true,"stream_options":{"include_usage":true,"x":1}}'});
    canonical(asked);
    assert.equal(asked.variables.ostiary_asked_usage, '1');
});

test('errors are in the dialect of the caller', () => {
    assert.deepEqual(JSON.parse(errorBody('flat', 403, 'm', 'id')), {error: 'forbidden', message: 'm', request_id: 'id'});
    assert.deepEqual(JSON.parse(errorBody('openai', 401, 'm', 'id')),
        {error: {message: 'm', type: 'invalid_request_error', param: null, code: 401}});
    assert.deepEqual(JSON.parse(errorBody('anthropic', 413, 'm', 'id')),
        {type: 'error', error: {type: 'request_too_large', message: 'm'}, request_id: 'id'});
});

test('the generation is told on the control socket, and nothing else', () => {
    const good = new FakeRequest({requestText: 'cc\n'});
    control.generation(good);
    assert.deepEqual([good.status, zone('state').get('generation')], [204, 'cc']);
    const bad = new FakeRequest({requestText: 'a\tb'});
    control.generation(bad);
    assert.deepEqual([bad.status, zone('state').get('generation')], [400, 'cc']);
});

test('gz_16 nobody we know is turned away after so many refusals, and comes again in time', (context) => {
    context.mock.timers.enable({apis: ['Date'], now: 1_000_000_000_000});
    settings.anonymousPerMinute = 3;
    const ask = (remoteAddress) => {
        const r = new FakeRequest({remoteAddress, variables: {request_uri: '/up/x'}});
        passThrough.access(r);
        return [r.status, r.headersOut['Retry-After']];
    };
    assert.deepEqual([1, 2, 3, 4].map(() => ask('192.0.2.1')[0]), [403, 403, 403, 429]);
    assert.equal(ask('192.0.2.1')[1], '70', 'a slot counts until all of it has left the minute');
    assert.equal(ask('192.0.2.2')[0], 403);
    context.mock.timers.tick(69_999);
    assert.equal(ask('192.0.2.1')[0], 429);
    context.mock.timers.tick(1);
    assert.equal(ask('192.0.2.1')[0], 403);
    settings.anonymousPerMinute = 300;
});

test('gz_16 a key that was good lately is never turned away, one that is unknown is not asked for', async () => {
    settings.anonymousPerMinute = 1;
    const good = new FakeRequest({headersIn: BEARER, remoteAddress: 'a', variables: {request_uri: '/up/x'}, answers: [reply(GRANTED)]});
    await passThrough.access(good);
    zone('decisions').entries.clear();
    passThrough.access(new FakeRequest({remoteAddress: 'a', variables: {request_uri: '/up/x'}}));
    const again = new FakeRequest({headersIn: BEARER, remoteAddress: 'a', variables: {request_uri: '/up/x'}, answers: [reply(GRANTED)]});
    await passThrough.access(again);
    assert.deepEqual([again.status, again.asked.length], [undefined, 1]);
    const other = new FakeRequest({headersIn: {Authorization: 'Bearer other'}, remoteAddress: 'a', variables: {request_uri: '/up/x'}});
    await passThrough.access(other);
    assert.deepEqual([other.status, other.asked.length], [429, 0]);
    settings.anonymousPerMinute = 300;
});
