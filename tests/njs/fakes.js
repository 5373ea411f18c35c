// What njs gives a module, as far as the data plane uses it.

export class FakeDict {
    entries = new Map();

    get(key) { return this.entries.get(key); }
    has(key) { return this.entries.has(key); }
    set(key, value) { this.entries.set(key, value); return this; }
    add(key, value) { return this.has(key) ? false : Boolean(this.set(key, value)); }
    delete(key) { return this.entries.delete(key); }
    keys() { return [...this.entries.keys()]; }
    items() { return [...this.entries.entries()]; }
    size() { return this.entries.size; }
    incr(key, by, from) { this.entries.set(key, (this.entries.get(key) ?? from) + by); return this.entries.get(key); }
}

const NAMES = [
    'decisions', 'refusals', 'plans', 'health', 'tallies', 'responses', 'inflight', 'logging', 'workers', 'state', 'counts',
    'complaints', 'purses', 'slots', 'meters', 'strangers', 'acquainted', 'uncounted', 'told',
];

/** Must come before the first import of a module of the data plane. */
export function install() {
    globalThis.ngx = {shared: Object.fromEntries(NAMES.map((name) => [`ostiary_${name}`, new FakeDict()])), said: []};
    globalThis.ngx.log = (_level, text) => globalThis.ngx.said.push(text);
    return globalThis.ngx;
}

export class FakeRequest {
    constructor(properties = {}) {
        Object.assign(this, {
            variables: {}, rawVariables: {}, headersIn: {}, headersOut: {}, method: 'POST', uri: '/v1/chat/completions',
            sent: [], isDone: false, answers: [], asked: [], status: undefined, body: undefined, redirect: undefined,
        }, properties);
    }

    sendBuffer(chunk) { this.sent.push(Buffer.from(chunk)); }
    done() { this.isDone = true; }
    return(status, body) { this.status = status; this.body = body; }
    internalRedirect(uri) { this.redirect = uri; }
    async readRequestArrayBuffer() { return new TextEncoder().encode(this.requestText ?? '').buffer; }
    async subrequest(uri, options) {
        this.asked.push([uri, options]);
        return this.answers.shift();
    }

    get text() { return Buffer.concat(this.sent).toString(); }
}
