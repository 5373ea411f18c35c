// @ts-check
// The internal server on control.sock: the sidecar says which generation is in force, and asks what is under way.
import {backOf, grantedOf, report, takeBack} from './purses.js';
import settings from './settings.js';
import {answer} from './share.js';

const DIGEST = /^[0-9a-f]{1,64}$/;

/**
 * Every cached decision of another generation is dead from here on.
 *
 * @param {NginxHTTPRequest} r
 */
export function generation(r) {
    const digest = (r.requestText || '').trim();
    if (r.method !== 'POST' || !DIGEST.test(digest)) {
        send(r, 400, 'POST a digest\n');
        return;
    }
    ngx.shared.ostiary_state.set('generation', digest);
    send(r, 204);
}

/** @param {NginxHTTPRequest} r */
export function status(r) {
    reply(r, () => [200, JSON.stringify({
        epoch: settings.epoch,
        generation: ngx.shared.ostiary_state.get('generation') || '',
        in_flight: ngx.shared.ostiary_inflight.size(),
        issued: ngx.shared.ostiary_counts.get('issued') || 0,
        unleased: ngx.shared.ostiary_counts.get('unleased') || 0,
        workers: ngx.shared.ostiary_workers.keys(1024).map(Number),
    })]);
}

/**
 * What is known of the backends: told with GET, learnt with POST.
 *
 * @param {NginxHTTPRequest} r
 */
export function health(r) {
    reply(r, () => answer(r));
}

/**
 * What is left in each purse: told with GET, taken out with POST.
 *
 * @param {NginxHTTPRequest} r
 */
export function purses(r) {
    reply(r, () => {
        if (r.method !== 'POST') {
            return [200, JSON.stringify({epoch: settings.epoch, purses: report()})];
        }
        /** @type {Record<string, number>} */
        const taken = {};
        /** @type {Record<string, number>} */
        const granted = {};
        /** @type {Record<string, number>} */
        const back = {};
        for (const [key, amount] of Object.entries(JSON.parse(r.requestText || '').take_back)) {
            taken[key] = takeBack(key, Number(amount));
            granted[key] = grantedOf(key);
            back[key] = backOf(key);
        }
        return [200, JSON.stringify({epoch: settings.epoch, taken, granted, back})];
    });
}

/**
 * Texts of answers whose usage nobody told, each of them once.
 *
 * @param {NginxHTTPRequest} r
 */
export function uncounted(r) {
    reply(r, () => {
        /** @type {Record<string, any>} */
        const texts = {};
        for (const id of JSON.parse(r.requestText || '')) {
            const text = ngx.shared.ostiary_uncounted.get(id);
            if (typeof text === 'string') {
                texts[id] = JSON.parse(text);
                ngx.shared.ostiary_uncounted.delete(id);
            }
        }
        return [200, JSON.stringify(texts)];
    });
}

/**
 * What cannot be understood is the caller's error.
 *
 * @param {NginxHTTPRequest} r
 * @param {() => [number, string?]} make status, JSON
 */
function reply(r, make) {
    /** @type {[number, string?]} */
    let made;
    try {
        made = make();
        r.headersOut['Content-Type'] = 'application/json';
    } catch (error) {
        made = [400, `${error}\n`];
    }
    send(r, ...made);
}

/**
 * A caller that has gone meanwhile gets nothing, which is nobody's error: the sidecar waits for some answers only so long.
 *
 * @param {NginxHTTPRequest} r
 * @param {number} code
 * @param {string} [text]
 */
function send(r, code, text) {
    try {
        r.return(code, text);
    } catch {
        // njs says only that it could not be sent
    }
}

export default {generation, status, health, purses, uncounted};
