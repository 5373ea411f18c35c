// @ts-check
import settings from './settings.js';

/**
 * Says `ok` only if shared memory can be written: its lock may be held for ever by a worker that was killed.
 *
 * @param {NginxHTTPRequest} r
 */
export function check(r) {
    ngx.shared.ostiary_counts.set('health', 1);
    r.return(200, 'ok');
}

/**
 * The same for people and other systems: OK, or JSON for those who ask for it.
 *
 * @param {NginxHTTPRequest} r
 */
export function health(r) {
    ngx.shared.ostiary_counts.set('health', 1);
    if ((r.headersIn.Accept || '').includes('application/json')) {
        r.headersOut['Content-Type'] = 'application/json';
        const timestamp = new Date().toISOString();
        r.return(200, JSON.stringify({status: 'healthy', version: settings.version, timestamp}));
        return;
    }
    r.return(200, 'OK');
}

export default {check, health};
