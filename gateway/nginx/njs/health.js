// @ts-check

/**
 * Says `ok` only if shared memory can be written: its lock may be held for ever by a worker that was killed.
 *
 * @param {NginxHTTPRequest} r
 */
export function check(r) {
    ngx.shared.ostiary_counts.set('health', 1);
    r.return(200, 'ok');
}

export default {check};
