// @ts-check
// The body of a managed request: which model it names, and whether we ask for the usage of its stream.
// The strict pattern in nginx.conf has found the pieces; what it was not sure of is parsed here.

const ASKS_FOR_USAGE = /"include_usage"\s*:\s*true/;
const USAGE_OPTION = ',"stream_options":{"include_usage":true}';

/**
 * The name of the model, with the pieces of the body around it set for nginx.conf to put together.
 *
 * @param {NginxHTTPRequest} r its body has been read
 * @returns {{model: string, problem: string}} `problem` says what is wrong with the body, empty if nothing
 */
export function readModel(r) {
    const model = r.variables.ostiary_body_model;
    return model ? {model, problem: ''} : canonical(r, false);
}

/**
 * Ask for the usage chunk of a chat stream that did not ask itself.
 *
 * @param {NginxHTTPRequest} r
 * @returns {boolean} whether we did, so that the chunk is not for the client
 */
export function askForUsage(r) {
    const v = r.variables;
    if (!v.ostiary_stream && !v.ostiary_stream_after) {
        return false;
    }
    const options = v.ostiary_stream_options || v.ostiary_stream_options_after;
    if (!options) {
        v.ostiary_options = USAGE_OPTION;
        return true;
    }
    if (ASKS_FOR_USAGE.test(options)) {
        return false;
    }
    canonical(r, true);
    return true;
}

/**
 * Parse the body and put it back together in one canonical form, so that no reader can find another model in it.
 *
 * @param {NginxHTTPRequest} r
 * @param {boolean} usage whether to ask for the usage of the stream
 * @returns {{model: string, problem: string}}
 */
function canonical(r, usage) {
    let body;
    try {
        body = JSON.parse(r.requestText || '');
    } catch {
        return {model: '', problem: 'invalid JSON body'};
    }
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
        return {model: '', problem: 'invalid JSON body'};
    }
    const model = Object.prototype.hasOwnProperty.call(body, 'model') ? body.model : undefined;
    if (typeof model !== 'string' || model === '') {
        return {model: '', problem: "missing 'model' field"};
    }
    if (Object.keys(body).some((name) => name !== 'model' && name.toLowerCase() === 'model')) {
        return {model: '', problem: "a second field is spelled like 'model'"};
    }
    delete body.model;
    if (usage) {
        body.stream_options = {...body.stream_options, include_usage: true};
    }
    const rest = JSON.stringify(body);
    const v = r.variables;
    v.ostiary_body_before = '{"model":"';
    v.ostiary_body_after = (rest.length > 2 ? ',' : '') + rest.slice(1);
    v.ostiary_stream = body.stream === true ? 'true' : '';
    v.ostiary_stream_after = '';
    v.ostiary_stream_options = body.stream_options ? JSON.stringify(body.stream_options) : '';
    v.ostiary_stream_options_after = '';
    return {model, problem: ''};
}
