// Where an attempt goes, what clients speak by their paths, and what the translator is told.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {FakeRequest, install} from './fakes.js';

install();
const {aim} = await import('../../gateway/nginx/njs/aim.js');
const {cap} = await import('../../gateway/nginx/njs/charge.js');
const {callerOf} = await import('../../gateway/nginx/njs/credential.js');
const {brokenEvent, dialectOf, errorBody} = await import('../../gateway/nginx/njs/dialects.js');
const {read} = await import('../../gateway/nginx/njs/google.js');
const {askedAt, placeOf} = await import('../../gateway/nginx/njs/place.js');
const {complete} = await import('../../gateway/nginx/njs/plans.js');
const {familyOf, googlePath, isGoogle, spokenAt} = await import('../../gateway/nginx/njs/spoken.js');
const {default: settings} = await import('../../gateway/nginx/njs/settings.js');

const TARGET = {
    id: 'p/m', provider: 'p', provider_type: 'openai', upstream: 'up', scheme: 'https', host: 'p.test', base_path: '/b', model: 'a/m:1',
    credential_header: 'authorization', credentials: ['Bearer p'],
};
const GOOGLE = '/v1beta/models/x/y:streamGenerateContent';
const TIMES = {began: 0, now: 0};

function request(uri, args = '', variables = {}) {
    return new FakeRequest({uri, args: Object.fromEntries(new URLSearchParams(args)), variables: {args, uri, ...variables}});
}

for (const [uri, dialect, letter] of [
    ['/v1/chat/completions', 'chat', 'c'], ['/v1/messages', 'messages', 'm'], ['/v1/messages/count_tokens', 'count_tokens', 't'],
    ['/v1beta/models/a:generateContent', 'generate', 'g'], ['/v1/models/a/b:streamGenerateContent', 'generate', 'g'],
    ['/v1/files', 'files', 'f'], ['/v1/files/file-1/content', 'files', 'f'], ['/v1/batches/b', 'batches', 'b'], ['/v1/images/edits', 'images', 'i'],
    ['/v1/audio/transcriptions', 'audio', 'u'], ['/v1/moderations', 'moderations', 'o'],
]) {
    test(`${uri} is ${dialect}`, () => assert.deepEqual(spokenAt(uri), {dialect, letter}));
}

test('a model may have a colon in its name', () => {
    assert.equal(spokenAt('/v1/models/ollama/llama3:latest'), undefined);
    assert.equal(isGoogle('/v1/models/ollama/llama3:latest'), false);
    assert.deepEqual(googlePath('/v1beta/models/ollama/llama3:latest:generateContent'), {model: 'ollama/llama3:latest', method: 'generateContent'});
});

for (const [type, family] of [['openai', 'openai'], ['vllm', 'openai'], ['groq', 'openai'], ['mistral', ''], ['anthropic', ''], ['', '']]) {
    test(`streams of '${type}' are asked for their usage: '${family}'`, () => assert.equal(familyOf(type), family));
}

for (const [path, args, model, expected] of [
    ['', '', 'm', '/v1/chat/completions'],
    ['', 'a=1', 'm', '/v1/chat/completions?a=1'],
    ['/openai/deployments/{model}/chat/completions?api-version=1', 'a=1', 'a b', '/openai/deployments/a%20b/chat/completions?api-version=1&a=1'],
]) {
    test(`a provider has its own path: '${path}' '${args}'`, () => {
        const target = complete({model: 'M', targets: [{...TARGET, path, model}]}).targets[0];
        assert.equal(placeOf(request('/v1/chat/completions', args), target), expected);
    });
}

for (const [path, stream, args, expected] of [
    ['', '', 'key=sk&alt=sse&x=1', '/v1beta/models/a%2Fm%3A1:streamGenerateContent?alt=sse&x=1'],
    ['/g/{model}:gC', '/g/{model}:sgC?alt=sse', 'Key=sk', '/g/a%2Fm%3A1:sgC'],
    ['/g/{model}:gC', '/g/{model}:sgC?alt=sse&v=1', 'alt=sse', '/g/a%2Fm%3A1:sgC?v=1&alt=sse'],
]) {
    test(`pl_24 Google's clients say how their stream is framed, and no provider sees their key: ${expected}`, () => {
        const target = complete({model: 'M', targets: [{...TARGET, path, stream_path: stream}]}).targets[0];
        assert.equal(placeOf(request(GOOGLE, args, {ostiary_stream: 'true'}), target), expected);
    });
}

test('pl_24 a path at the translator holds nothing of a Google client\'s', () => {
    assert.equal(askedAt(request(GOOGLE, 'key=sk')), '/v1beta/models/-:streamGenerateContent');
});

function aimed(target, {uri = '/v1/messages', args = '', plan = {}, variables = {}} = {}) {
    const r = request(uri, args, {ostiary_id: 'e-1', ...variables});
    const whole = complete({model: 'M', targets: [{...TARGET, ...target}], ...plan});
    aim(r, whole, whole.targets[0], 0, TIMES);
    return r.variables;
}

test('pl_24 a translated attempt goes to the translator, with its credential and what it has to know', () => {
    const v = aimed({translate: 'chat', path: '/v1/chat/completions'}, {variables: {ostiary_stream: 'true'}});
    assert.deepEqual([v.ostiary_base, v.ostiary_place, v.ostiary_family, v.ostiary_authorization], ['http://ostiary_translator/chat', '/v1/messages', '', 'Bearer p']);
    assert.deepEqual(JSON.parse(v.ostiary_translate), {
        id: 'e-1', client: 'messages', stream: true, sse: true, model: 'a/m:1', provider: 'openai', base: 'https://up/b', host: 'p.test',
        path: '/v1/chat/completions', stream_path: '/v1/chat/completions', max_tokens: settings.maxOutputTokens,
    });
});

for (const [translate, path, streamPath] of [
    ['generate', '/v1beta/models/a%2Fm%3A1:generateContent', '/v1beta/models/a%2Fm%3A1:streamGenerateContent?alt=sse'],
    ['converse', '/model/a%2Fm%3A1/converse', '/model/a%2Fm%3A1/converse-stream'],
    ['messages', '/v1/messages', '/v1/messages'],
]) {
    test(`pl_24 where a provider of ${translate} is asked that says nothing else`, () => {
        const {path: whole, stream_path: stream} = JSON.parse(aimed({translate}, {uri: '/v1/chat/completions'}).ostiary_translate);
        assert.deepEqual([whole, stream], [path, streamPath]);
    });
}

test('pl_24 keys to sign with are for the translator alone', () => {
    const v = aimed({translate: 'converse', signing: 'aws', region: 'eu', credentials: ['id:secret']}, {plan: {max_output_tokens: 7}});
    const {aws, region, max_tokens: most} = JSON.parse(v.ostiary_translate);
    assert.deepEqual([aws, region, most, v.ostiary_authorization], ['id:secret', 'eu', 7, '']);
    const same = aimed({signing: 'aws', region: 'eu', credentials: ['id:secret'], path: '/x'});
    assert.deepEqual([same.ostiary_base, JSON.parse(same.ostiary_translate).path], ['http://ostiary_translator/same', '/x']);
});

test('pl_24 the guard carries a translated attempt to the translator', () => {
    const v = aimed({translate: 'messages'}, {uri: '/v1/chat/completions', plan: {guarded: true, stateful: true}, variables: {ostiary_identity: 'key-1\t2'}});
    const {target, host, dialect, state} = JSON.parse(v.ostiary_guard);
    assert.deepEqual([v.ostiary_base, target, host, dialect], ['http://ostiary_guard/messages', `unix:${settings.translator}`, 'p.test', 'chat']);
    assert.deepEqual([state, v.ostiary_anthropic_version], [{owner: 'key-1'}, '2023-06-01']);
});

test('the next attempt has nothing of the one before', () => {
    const r = request('/v1/chat/completions', '', {ostiary_id: 'e-1'});
    const plan = complete({model: 'M', targets: [{...TARGET, translate: 'messages'}, {...TARGET, id: 'q/n', model: 'n'}]});
    plan.targets.forEach((target) => aim(r, plan, target, 0, TIMES));
    const v = r.variables;
    assert.deepEqual([v.ostiary_translate, v.ostiary_base, v.ostiary_place, v.ostiary_model, v.ostiary_family],
        ['', 'https://up/b', '/v1/chat/completions', 'n', 'openai']);
});

test('pl_24 the body of a Google client goes on as it came', () => {
    const requestText = '{"contents":[],"generationConfig":{"maxOutputTokens":9,"candidateCount":2}}';
    const r = new FakeRequest({uri: GOOGLE, requestText, requestBuffer: Buffer.from(requestText)});
    assert.deepEqual(read(r), {model: 'x/y', problem: ''});
    assert.equal(r.rawVariables.ostiary_body_before.toString(), requestText);
    assert.deepEqual([r.variables.ostiary_raw, r.variables.ostiary_quote, r.variables.ostiary_stream, r.variables.ostiary_bounds],
        ['1', '', 'true', 'max_tokens:9:2:1']);
    assert.equal(read(new FakeRequest({uri: GOOGLE, requestText: '[]'})).problem, 'invalid JSON body');
});

test('what a limited request of a Google client may cost is written into its body', () => {
    const text = '{"contents":[],"generationConfig":{"topK":1}}';
    const spend = {cap: true, maxOutput: 50};
    const r = request(GOOGLE, '', {ostiary_bounds: ':::1', ostiary_body_before: text});
    cap(r, spend, 'google');
    assert.deepEqual(JSON.parse(r.variables.ostiary_body_before), {contents: [], generationConfig: {topK: 1, maxOutputTokens: 50}});
    const asked = request(GOOGLE, '', {ostiary_bounds: 'max_tokens:9:1:1', ostiary_body_before: text});
    cap(asked, spend, 'google');
    assert.equal(asked.variables.ostiary_body_before, text);
    const images = request('/v1/images/generations', '', {ostiary_bounds: ':::1'});
    cap(images, spend, 'openai');
    assert.equal(images.variables.ostiary_cap, undefined);
});

test('a key is where Google\'s clients show it on Google\'s paths alone', () => {
    const headersIn = {'x-goog-api-key': 'k'};
    assert.equal(callerOf(new FakeRequest({uri: '/v1/chat/completions', headersIn, args: {key: 'k'}})), undefined);
    const byHeader = callerOf(new FakeRequest({uri: GOOGLE, headersIn, args: {}}));
    const byQuery = callerOf(new FakeRequest({uri: GOOGLE, headersIn: {}, args: {key: 'k'}}));
    assert.equal(byHeader.hash, byQuery.hash);
    assert.equal(callerOf(new FakeRequest({uri: GOOGLE, headersIn: {}, args: {}})), undefined);
});

test('errors have Google\'s shape on Google\'s paths', () => {
    assert.deepEqual(['/v1beta/models/a:x', '/v1/messages/count_tokens', '/v1/completions'].map(dialectOf), ['google', 'anthropic', 'openai']);
    assert.deepEqual(JSON.parse(errorBody('google', 404, 'm', 'id')), {error: {code: 404, message: 'm', status: 'NOT_FOUND'}});
    assert.match(brokenEvent('google'), /^data: {"error":{"code":502,/);
});
