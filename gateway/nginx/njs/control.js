// @ts-check
// The internal server on control.sock: the sidecar says which generation is in force, and asks what is under way.
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

export default {generation, status, health};
