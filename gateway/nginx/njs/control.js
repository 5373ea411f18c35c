// @ts-check
// The internal server on control.sock: the sidecar says which generation is in force, and asks what is under way.
import {report, grantedOf, takeBack} from './purses.js';
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
        r.return(400, 'POST a digest\n');
        return;
    }
    ngx.shared.ostiary_state.set('generation', digest);
    r.return(204);
}

/** @param {NginxHTTPRequest} r */
export function status(r) {
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, JSON.stringify({
        epoch: settings.epoch,
        generation: ngx.shared.ostiary_state.get('generation') || '',
        in_flight: ngx.shared.ostiary_inflight.size(),
        issued: ngx.shared.ostiary_counts.get('issued') || 0,
        unleased: ngx.shared.ostiary_counts.get('unleased') || 0,
        workers: ngx.shared.ostiary_workers.keys(1024).map(Number),
    }));
}

/**
 * What is known of the backends: told with GET, learnt with POST.
 *
 * @param {NginxHTTPRequest} r
 */
export function health(r) {
    try {
        answer(r);
    } catch (error) {
        r.return(400, `${error}\n`);
    }
}

/**
 * What is left in each purse: told with GET, taken out with POST.
 *
 * @param {NginxHTTPRequest} r
 */
export function purses(r) {
    try {
        r.headersOut['Content-Type'] = 'application/json';
        if (r.method !== 'POST') {
            r.return(200, JSON.stringify({epoch: settings.epoch, purses: report()}));
            return;
        }
        /** @type {Record<string, number>} */
        const taken = {};
        /** @type {Record<string, number>} */
        const granted = {};
        for (const [key, amount] of Object.entries(JSON.parse(r.requestText || '').take_back)) {
            taken[key] = takeBack(key, Number(amount));
            granted[key] = grantedOf(key);
        }
        r.return(200, JSON.stringify({taken, granted}));
    } catch (error) {
        r.return(400, `${error}\n`);
    }
}

/**
 * Texts of answers whose usage nobody told, each of them once.
 *
 * @param {NginxHTTPRequest} r
 */
export function uncounted(r) {
    try {
        /** @type {Record<string, any>} */
        const texts = {};
        for (const id of JSON.parse(r.requestText || '')) {
            const text = ngx.shared.ostiary_uncounted.get(id);
            if (typeof text === 'string') {
                texts[id] = JSON.parse(text);
                ngx.shared.ostiary_uncounted.delete(id);
            }
        }
        r.headersOut['Content-Type'] = 'application/json';
        r.return(200, JSON.stringify(texts));
    } catch (error) {
        r.return(400, `${error}\n`);
    }
}

export default {generation, status, health, purses, uncounted};
