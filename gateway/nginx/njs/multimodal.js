// @ts-check
// What goes on as it came, to a provider that has it: forms with a picture or a recording in them, files, batches.
import {refuse} from './dialects.js';
import {enter} from './managed.js';
import {spokenAt} from './spoken.js';

const KEPT = ['files', 'batches'];
const METHODS = ['GET', 'POST', 'DELETE'];
const FORM = /^multipart\/form-data[ \t]*;(?:.*;)?[ \t]*boundary=(?:"([^"\\]{1,70})"|([^\s;"]{1,70}))/i;
const JSON_TYPE = /^application\/json(?:[ \t]*;|$)/i;
const DISPOSITION = /^content-disposition:[ \t]*form-data[ \t]*;(?:.*;)?[ \t]*name="?model"?[ \t]*(?:;|$)/im;
const SAFE = /^[\x20-\x7e]*$/;
const [LF, CR, HYPHEN] = [10, 13, 45];
const MOST_PARTS = 64;
const LONGEST_HEAD = 4096;

/** @typedef {{model: string, problem: string}} Read */

/**
 * js_access.
 *
 * @param {NginxHTTPRequest} r
 */
async function access(r) {
    const spoken = /** @type {import('./spoken.js').Spoken} */ (spokenAt(r.uri));
    const isKept = KEPT.includes(spoken.dialect);
    const methods = isKept ? METHODS : ['POST'];
    if (!methods.includes(r.method)) {
        r.headersOut.Allow = methods.join(', ');
        return refuse(r, 'openai', 405, 'method not allowed');
    }
    const type = r.headersIn['Content-Type'] || '';
    if (!isKept && JSON_TYPE.test(type)) {
        return enter(r, spoken);
    }
    await enter(r, spoken, isKept ? kept : form);
    if (isKept) {
        r.variables.ostiary_model = ''; // it is nowhere in what is sent
    }
    return undefined;
}

/**
 * Files and batches belong to no model: the provider is the one that the client names, or the only one that keeps any.
 *
 * @param {NginxHTTPRequest} r its body has been read
 * @returns {Read}
 */
function kept(r) {
    const {dialect} = /** @type {import('./spoken.js').Spoken} */ (spokenAt(r.uri));
    const provider = r.headersIn['x-ostiary-provider'] || '';
    whole(r);
    return {model: provider === '' ? dialect : `${provider}/${dialect}`, problem: provider.includes('/') ? `no such provider: ${provider}` : ''};
}

/** @param {NginxHTTPRequest} r its body goes on byte for byte */
function whole(r) {
    const v = r.variables;
    r.rawVariables.ostiary_body_before = /** @type {Buffer} */ (r.requestBuffer || Buffer.alloc(0));
    v.ostiary_body_after = '';
    v.ostiary_raw = '1';
    plain(r);
}

/** @param {NginxHTTPRequest} r */
function plain(r) {
    const v = r.variables;
    const type = r.headersIn['Content-Type'] || '';
    v.ostiary_quote = '';
    v.ostiary_content_type = SAFE.test(type) ? type : '';
    v.ostiary_stream = '';
    v.ostiary_stream_after = '';
    v.ostiary_bounds = '::1:';
}

/**
 * The model of a form. Every other byte of it goes on as it is.
 *
 * @param {NginxHTTPRequest} r its body has been read
 * @returns {Read}
 */
function form(r) {
    const found = FORM.exec(r.headersIn['Content-Type'] || '');
    if (found === null) {
        return {model: '', problem: 'neither JSON nor a form'};
    }
    const body = /** @type {Buffer} */ (r.requestBuffer || Buffer.alloc(0));
    const {at, problem} = modelIn(body, found[1] || found[2]);
    if (at === undefined) {
        return {model: '', problem};
    }
    r.rawVariables.ostiary_body_before = body.subarray(0, at[0]);
    r.rawVariables.ostiary_body_after = body.subarray(at[1]);
    plain(r);
    return {model: body.subarray(at[0], at[1]).toString(), problem: ''};
}

/**
 * @param {Buffer} body
 * @param {string} boundary
 * @returns {{at?: [number, number], problem: string}} where the only part called `model` has its value
 */
export function modelIn(body, boundary) {
    const mark = Buffer.from(`\r\n--${boundary}`);
    /** @type {[number, number] | undefined} */
    let at;
    let begin = isMark(body, mark.subarray(2), 0) ? mark.length - 2 : -1;
    for (let parts = 0; begin >= 0 && parts <= MOST_PARTS; parts += 1) {
        const next = nextMark(body, mark, begin);
        if (next < 0) { // this was the last one
            return at === undefined ? {problem: "missing 'model' field"} : {at, problem: ''};
        }
        const head = body.subarray(begin, Math.min(next, begin + LONGEST_HEAD));
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) {
            return {problem: 'invalid form'};
        }
        if (DISPOSITION.test(head.subarray(0, end).toString())) {
            if (at !== undefined) {
                return {problem: "a second field is called 'model'"};
            }
            at = [begin + end + 4, next];
        }
        begin = next + mark.length;
    }
    return {problem: 'invalid form'};
}

/**
 * @param {Buffer} body
 * @param {Buffer} mark
 * @param {number} from
 * @returns {number} place of the next one, -1 if there is none
 */
function nextMark(body, mark, from) {
    let at = body.indexOf(mark, from);
    while (at >= 0 && !isMark(body, mark, at)) {
        at = body.indexOf(mark, at + 1);
    }
    return at;
}

/**
 * @param {Buffer} body
 * @param {Buffer} mark
 * @param {number} at
 * @returns {boolean} whether it is there, and not the beginning of a longer word
 */
function isMark(body, mark, at) {
    const end = at + mark.length;
    const isLine = body[end] === CR && body[end + 1] === LF;
    return body.subarray(at, end).equals(mark) && (isLine || (body[end] === HYPHEN && body[end + 1] === HYPHEN));
}

export default {access};
