// @ts-check
// GET /, /ping and /ping/stats: that somebody is there, for people and monitors (GZ-01). They tell nothing of anybody.
import settings from './settings.js';

const counts = ngx.shared.ostiary_counts;
const NS_PER_MS = 1e6;

/**
 * js_content.
 *
 * @param {NginxHTTPRequest} r
 */
function say(r) {
    r.headersOut['Content-Type'] = 'application/json';
    if (r.method !== 'GET' && r.method !== 'HEAD') {
        r.headersOut.Allow = 'GET, HEAD';
        r.return(405, JSON.stringify({error: 'method_not_allowed', message: 'method not allowed'}));
        return;
    }
    const now = new Date();
    const timestamp = now.toISOString();
    if (r.uri === '/') {
        r.return(200, JSON.stringify({name: 'Ostiary', version: settings.version, status: 'running', timestamp}));
        return;
    }
    const isPing = r.uri === '/ping';
    const count = isPing ? counts.incr('pings', 1, 0) : counts.incr('pings', 0, 0);
    const uptime = Math.max(0, (now.getTime() - parseInt(settings.epoch, 36) / NS_PER_MS) / 1000) || 0; // seconds of this nginx
    r.return(200, JSON.stringify({...isPing && {message: 'pong', pong: true}, count, uptime, timestamp}));
}

export default {say};
