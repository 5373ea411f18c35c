// Where a form has its model: by its marks alone, whatever lies between them.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {install} from './fakes.js';

install();
const {modelIn} = await import('../../gateway/nginx/njs/multimodal.js');

/** @param {[string, Buffer | string][]} parts */
function form(parts, boundary = 'b') {
    const pieces = parts.map(([head, value]) => Buffer.concat([Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`), Buffer.from(value), Buffer.from('\r\n')]));
    return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]);
}

const named = (name) => `Content-Disposition: form-data; name="${name}"`;

/** @param {Buffer} body */
function found(body, boundary = 'b') {
    const {at, problem} = modelIn(body, boundary);
    return at === undefined ? problem : body.subarray(...at).toString();
}

test('the model is found first, last and in between', () => {
    const others = [[named('file'), Buffer.alloc(1000, 255)], [named('x'), '']];
    for (let place = 0; place <= others.length; place += 1) {
        assert.equal(found(form(others.toSpliced(place, 0, [named('model'), 'm']))), 'm');
    }
});

test('a value may hold anything but the mark', () => {
    for (const value of ['', 'a/b c', '\r\n', '\r\n--c\r\n', '\r\n--bc\r\n', 'ü', '\r\n\r\nname="model"']) {
        assert.equal(found(form([[named('model'), value], [named('model2'), 'x']])), value);
        assert.equal(found(form([[named('file'), value], [named('model'), 'm']])), 'm');
    }
});

test('a name is known however it is spelled', () => {
    const heads = [
        'content-disposition:form-data;name=model', 'Content-Type: text/plain\r\nContent-Disposition: form-data; name="model"',
        'CONTENT-DISPOSITION: form-data; filename="x"; name="model"',
    ];
    for (const head of heads) {
        assert.equal(found(form([[head, 'm']])), 'm');
    }
    for (const head of ['X: form-data; name="model"', 'Content-Disposition: form-data; name="models"', named('filename="model"')]) {
        assert.equal(found(form([[head, 'm']])), "missing 'model' field");
    }
});

test('what is no form, or one with two models, has none', () => {
    assert.equal(found(form([[named('model'), 'a'], [named('x'), ''], [named('model'), 'a']])), "a second field is called 'model'");
    assert.equal(found(Buffer.from('')), 'invalid form');
    assert.equal(found(Buffer.from('--b--\r\n')), "missing 'model' field");
    assert.equal(found(form([[named('model'), 'm']]), 'c'), 'invalid form');
    assert.equal(found(form([['no end of the head'.repeat(400), 'm']])), 'invalid form');
    assert.equal(found(form(Array.from({length: 100}, (_, i) => [named(`f${i}`), '']))), 'invalid form');
});
