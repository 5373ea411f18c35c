// @ts-check
// What a request takes before it is sent: as much as it may use at most.
import {asked, LONG_BODY, partsIn} from './bounds.js';
import {keyAt, purse, put} from './purses.js';

const PICO_IN_NANO = 1000;
const PART = 5000; // tokens of an image or a document that is not in the body, or says more than its bytes
const MOST = 64;
const SIZED = 'tiomk'; // letters whose amount depends on the request
const KEPT = /^\/v1\/(?:files|batches)(?:\/|$)/;
const MEDIA = /^\/v1\/(?:images\/(?:edits|variations)|audio\/(?:transcriptions|translations))$/;
const MEDIA_TOKENS = 65536; // of the longest recording that OpenAI's endpoints take
const SILENT = /(?:\/embeddings|\/moderations|\/count_tokens|:embedContent|:batchEmbedContents|:countTokens)$/;
const SHOWN = ['requests', 'tokens', 'input_tokens', 'output_tokens'];

/**
 * What requests for one decision spend. A context works for one request at a time, so that the lists in it are of that one:
 * `keys` say from where something was taken, `lefts` what is left there.
 *
 * @typedef {object} Spend
 * @property {import('./purses.js').Purse[]} purses
 * @property {number} inputPrice picodollars per token
 * @property {number} outputPrice
 * @property {number} requestPrice nanodollars
 * @property {number} maxOutput
 * @property {boolean} cap
 * @property {boolean} byModel whether a pass-through request has to be asked for again with its model
 * @property {boolean} sized whether the request's size matters
 * @property {boolean} shown whether a header tells of it
 * @property {Record<string, number[]>} places of the purses that headers of a unit tell of
 * @property {import('./purses.js').Purse | null} plain the only purse that a header tells of, if it holds requests
 * @property {string[]} slots keys of the purses that get one back at the end
 * @property {number[]} amounts
 * @property {string[]} keys
 * @property {number[]} lefts
 * @property {boolean} dirty whether a request has borrowed, and perhaps never came back: its client left
 * @property {boolean[]} owned granted to this request alone, which has it whatever the purse says
 */

/** @type {Map<string, Spend>} */
const parsed = new Map();
let lastText = '';
/** @type {Spend | null} */
let lastSpend = null;
let lastBounds = '';
let lastOutput = 0;
let lastMost = Infinity;
let lastBoxed = false;
/** @type {Spend | null} */
let lastSpender = null;
let lastPath = '';

/**
 * @param {string} decision its last field is the spend as JSON, and one character
 * @returns {Spend}
 */
export function spendOf(decision) {
    if (decision === lastText) {
        return /** @type {Spend} */ (lastSpend);
    }
    let spend = parsed.get(decision);
    if (spend === undefined) {
        spend = complete(JSON.parse(decision.slice(decision.lastIndexOf('\t') + 1, -1)));
        if (parsed.size >= MOST) {
            parsed.clear();
        }
        parsed.set(decision, spend);
    }
    lastText = decision;
    lastSpend = spend;
    return spend;
}

/**
 * @param {any} sent as the sidecar sends it
 * @returns {Spend}
 */
function complete(sent) {
    /** @type {import('./purses.js').Purse[]} */
    const purses = sent.purses.map(purse);
    return {
        purses,
        inputPrice: sent.input_price || 0,
        outputPrice: sent.output_price || 0,
        requestPrice: sent.request_price || 0,
        maxOutput: sent.max_output_tokens ?? 4096,
        cap: sent.cap_output || false,
        byModel: sent.by_model || false,
        sized: purses.some(({unit}) => SIZED.includes(unit)),
        shown: purses.some(({shown}) => shown !== ''),
        places: Object.fromEntries(SHOWN.map((name) => [name, purses.flatMap(({shown}, i) => (shown === name ? [i] : []))])),
        plain: onlyRequests(purses),
        slots: purses.filter(({unit}) => unit === 'c').map(({name}) => name),
        amounts: purses.map(() => 1),
        keys: [],
        lefts: [],
        owned: purses.map(() => false),
        dirty: false,
    };
}

/**
 * @param {import('./purses.js').Purse[]} purses
 * @returns {import('./purses.js').Purse | null}
 */
function onlyRequests(purses) {
    const shown = purses.filter((each) => each.shown !== '');
    return shown.length === 1 && shown[0].shown === 'requests' ? shown[0] : null;
}

/**
 * How much of each purse a request takes.
 *
 * @param {NginxHTTPRequest} r its body has been read
 * @param {Spend} spend
 * @param {number} bytes of the body
 * @param {string} path
 */
export function measure(r, spend, bytes, path) {
    const {purses, amounts} = spend;
    const v = r.variables;
    const bounds = v.ostiary_bounds || '';
    if (bounds !== lastBounds || spend !== lastSpender || path !== lastPath) {
        lastMost = mostOf(path);
        lastOutput = SILENT.test(path) || lastMost === 0 ? 0 : outputOf(bounds, spend, path);
        lastBoxed = !bounds.endsWith(':');
        lastBounds = bounds;
        lastSpender = spend;
        lastPath = path;
    }
    const refers = lastBoxed && (bytes > LONG_BODY ? v.ostiary_long_refers : v.ostiary_refers);
    const input = refers ? bytes + PART * partsIn(r.requestText) : Math.min(bytes, lastMost);
    for (let i = 0; i < purses.length; i += 1) {
        amounts[i] = amountOf(purses[i].unit, spend, input, lastOutput);
    }
}

/**
 * @param {string} path
 * @returns {number} tokens that a body is at most: sound and pictures take fewer than they have bytes, files and batches none now
 */
function mostOf(path) {
    if (KEPT.test(path)) {
        return 0;
    }
    return MEDIA.test(path) ? MEDIA_TOKENS : Infinity;
}

/**
 * @param {string} unit
 * @param {Spend} spend
 * @param {number} input tokens
 * @param {number} output tokens
 * @returns {number}
 */
function amountOf(unit, spend, input, output) {
    switch (unit) {
        case 't':
        case 'k':
            return input + output;
        case 'i':
            return input;
        case 'o':
            return output;
        case 'm':
            return Math.ceil((input * spend.inputPrice + output * spend.outputPrice) / PICO_IN_NANO) + spend.requestPrice;
        default:
            return 1;
    }
}

/**
 * @param {string} bounds `<field>:<maximum>:<answers>:<something if it is more than text>`, see nginx.conf
 * @param {Spend} spend
 * @param {string} path
 * @returns {number} tokens
 */
function outputOf(bounds, spend, path) {
    const times = +bounds.split(':')[2] || 1;
    const most = asked(bounds, path);
    return times * (most < 0 ? spend.maxOutput : most);
}

/**
 * Take all that is not owned yet, or nothing at all.
 *
 * @param {Spend} spend
 * @param {number} now
 * @returns {string | null} what the request holds, for the record; null if something lacks: `lefts` below zero say what
 */
export function take(spend, now) {
    const {purses, amounts, keys, lefts, owned} = spend;
    let held = '';
    let lacks = false;
    for (let i = 0; i < purses.length; i += 1) {
        const amount = amounts[i];
        if (!owned[i]) {
            const from = purses[i];
            keys[i] = keyAt(from, now);
            lefts[i] = put(from, keys[i], -amount);
            lacks = lacks || (lefts[i] < 0 && amount > 0);
        }
        if (amount > 0) {
            const word = wordOf(purses[i], keys[i], amount);
            held = held === '' ? word : held + ',' + word;
        }
    }
    if (lacks) {
        purses.forEach((from, i) => owned[i] || put(from, keys[i], amounts[i]));
        return null;
    }
    return held;
}

/**
 * Numbers are made text only where they changed: most requests of a caller are alike.
 *
 * @param {import('./purses.js').Purse} purse
 * @param {string} key
 * @param {number} amount
 * @returns {string} `<purse key>=<amount>`
 */
function wordOf(purse, key, amount) {
    if (amount !== purse.amount || key !== purse.wordKey) {
        purse.amount = amount;
        purse.wordKey = key;
        purse.word = `${key}=${amount}`;
    }
    return purse.word;
}

/**
 * The request is refused after all: what it was granted is there for others.
 *
 * @param {Spend} spend
 */
export function leave({purses, amounts, keys, owned}) {
    purses.forEach((from, i) => owned[i] && put(from, keys[i], amounts[i]));
}

/**
 * The next request begins with nothing.
 *
 * @param {Spend} spend
 */
export function reset(spend) {
    spend.amounts.fill(1);
    spend.owned.fill(false);
    spend.dirty = false;
}
