// Requests of a process that is gone are told as lost, once; those of a living one are left alone.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, readFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {test} from 'node:test';
import {install} from './fakes.js';

const ngx = install();
const {default: settings} = await import('../../gateway/nginx/njs/settings.js');
const {default: sweep} = await import('../../gateway/nginx/njs/sweep.js');

test('lm_20 a dead process leaves one lost line for each of its requests', async () => {
    settings.spool = join(mkdtempSync(join(tmpdir(), 'sweep-')), 'usage.spool');
    const gone = spawn('true');
    await once(gone, 'exit');
    const {ostiary_inflight: inflight, ostiary_logging: logging, ostiary_workers: workers} = ngx.shared;
    inflight.set('e-1', `a\tb\t${gone.pid}`);
    inflight.set('e-2', 'a\tb\t1');
    logging.set(String(gone.pid), `e-0\tz\t${gone.pid}`);
    workers.set(String(gone.pid), '1');
    sweep.tick();
    sweep.tick();
    const lines = readFileSync(settings.spool, 'utf8').split('\x1e').slice(1).map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({id, s, lost}) => [id, s, lost]), [
        ['e-0', `z\t${gone.pid}`, true], ['e-1', `a\tb\t${gone.pid}`, true],
    ]);
    assert.deepEqual([inflight.keys(), logging.keys(), workers.keys()], [['e-2'], [], []]);
});

test('complaints are said once', () => {
    ngx.shared.ostiary_complaints.set('something', '1');
    sweep.tick();
    sweep.tick();
    assert.deepEqual(ngx.said, ['something']);
});

test('the slots of a lost request come back, but none of an nginx before this one', async () => {
    settings.spool = join(mkdtempSync(join(tmpdir(), 'sweep-')), 'usage.spool');
    const gone = spawn('true');
    await once(gone, 'exit');
    const {ostiary_inflight: inflight, ostiary_workers: workers, ostiary_slots: slots} = ngx.shared;
    const fields = `a\trxx=1,cxx=1,mxx=7\t${gone.pid}`;
    inflight.set('epoch0-1', fields);
    inflight.set('before-1', fields);
    workers.set(String(gone.pid), '1');
    slots.set('cxx', 0);
    slots.set('gcxx', 1);
    sweep.tick();
    assert.equal(slots.get('cxx'), 1);
});

test('a slot that nobody holds comes back after five seconds, one that somebody holds does not', (context) => {
    context.mock.timers.enable({apis: ['Date'], now: 1_000_000});
    const {ostiary_inflight: inflight, ostiary_slots: slots} = ngx.shared;
    slots.entries.clear();
    slots.set('gcyy', 5);
    slots.set('bcyy', 2);
    slots.set('cyy', 0);
    inflight.set('epoch0-9', 'a\tcyy=1\t1');
    const seen = [];
    for (let second = 0; second < 7; second += 1) {
        sweep.tick();
        seen.push(slots.get('cyy'));
        context.mock.timers.tick(1000);
    }
    assert.deepEqual(seen, [0, 0, 0, 0, 0, 2, 2]);
    slots.set('cyy', 4);
    for (let second = 0; second < 6; second += 1) {
        sweep.tick();
        context.mock.timers.tick(1000);
    }
    assert.equal(slots.get('cyy'), 3, 'what came back twice is taken out');
});
