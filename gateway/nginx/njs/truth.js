// @ts-check
// What the translator says of a request that it carried, for the record.

const truth = ngx.shared.ostiary_told;

/** @type {Record<string, string>} what the translator says in a provider's stead, as attempts of a plan have it */
const ERRORS = {refused: 'not_expressible', connection: 'connection_error', timeout: 'timeout'};

/**
 * What the client was shown of a translated answer need not hold the provider's own counts.
 *
 * @param {string} id of the request
 * @param {(known: number) => string} seen what was collected, where so many usage objects are known
 * @returns {string} JSON
 */
export function byTheProvider(id, seen) {
    const known = truth.get(id);
    if (typeof known !== 'string') {
        return seen(0);
    }
    truth.delete(id);
    const {usage, stream, model} = JSON.parse(known);
    const rest = JSON.parse(seen(usage.length));
    return JSON.stringify({...rest, stream, model: model || rest.model, usage});
}

/**
 * The one try of a request without a plan: nginx knows only that it asked the translator.
 *
 * @param {NginxHTTPRequest} r
 */
export function tellTry(r) {
    const v = r.variables;
    const {name, provider, model} = JSON.parse(v.ostiary_orders || '{}');
    const error = ERRORS[v.upstream_http_x_ostiary_guard || ''] || '';
    v.ostiary_attempts = JSON.stringify({m: name, r: '', a: [[v.ostiary_provider, provider, model, error, 0]]});
}
