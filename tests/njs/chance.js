// Chance that is the same each time: forms, answers and streams of any shape, for properties that hold for all of them.

/** @param {number} seed */
export function chance(seed) {
    let state = seed + 0x9e3779b9;
    const next = () => {
        state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
        state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
        return ((state ^= state >>> 15) >>> 0) / 4294967296;
    };
    const below = (most) => Math.floor(next() * most);
    const one = (list) => list[below(list.length)];
    const maybe = (value) => next() < 0.5 ? value() : undefined;
    const many = (most, make) => Array.from({length: below(most + 1)}, (_, at) => make(at));
    const some = (most, make) => [make(0), ...many(most - 1, (at) => make(at + 1))];
    const word = () => one(['a', 'Grüß Gott', '🌍', 'x\ny', '"quoted"', 'data: z', '\\', '</b>', 'event: ping', ' ']) + below(1000);
    return {next, below, one, maybe, many, some, word};
}

const TOOLS = ['get_weather', 'get_time', 'mcp__files__read'];
const without = (value) => JSON.parse(JSON.stringify(value)); // undefined fields

function schema({some, one, word}) {
    const properties = Object.fromEntries(some(3, (at) => [`p${at}`, {type: one(['string', 'number', 'boolean']), description: word()}]));
    return {type: 'object', properties, required: Object.keys(properties), additionalProperties: false};
}

function user(c, takes) {
    const parts = c.some(3, () => {
        const kind = c.one(['text', 'text', ...takes]);
        if (kind === 'text') {
            return {kind, text: c.word()};
        }
        if (kind === 'image') {
            return c.one([{kind, url: 'https://example.org/a.png'}, {kind, data: 'eA==', mediaType: 'image/png'}]);
        }
        return {kind, data: 'eA==', mediaType: 'application/pdf', name: c.word()};
    });
    return {role: 'user', parts};
}

/** A turn of the model, and the results of what it called. */
function assistant(c, thoughts, number) {
    const calls = c.many(3, (at) => ({
        kind: 'toolCall', id: `call_${number}_${at}`, name: c.one(TOOLS), arguments: JSON.stringify({[c.word()]: c.word()}),
    }));
    const parts = [...(thoughts ? c.many(1, thoughts) : []), ...c.many(1, () => ({kind: 'text', text: c.word()})), ...calls];
    const results = calls.map(({id}) => ({kind: 'toolResult', id, parts: [{kind: 'text', text: c.word()}]}));
    return [
        {role: 'assistant', parts: parts.length > 0 ? parts : [{kind: 'text', text: c.word()}]},
        ...(results.length > 0 ? [{role: 'user', parts: results}] : []),
    ];
}

/**
 * @param {ReturnType<chance>} c
 * @param {{takes: string[], thoughts?: (at: number) => any}} dialect what can be said in it
 */
export function request(c, {takes, thoughts}) {
    const tools = c.many(2, (at) => ({name: TOOLS[at], description: c.word(), schema: schema(c), strict: c.next() < 0.5}));
    const messages = [user(c, takes), ...c.many(3, (at) => [...assistant(c, thoughts, at), user(c, takes)]).flat()];
    return without({
        system: c.many(2, () => ({kind: 'text', text: c.word()})), messages, tools, maxTokens: 1 + c.below(90000),
        stop: c.maybe(() => c.some(4, c.word)), user: c.maybe(c.word), topP: c.maybe(() => 0.5), temperature: c.maybe(() => c.one([0, 0.3, 1])),
        serviceTier: c.maybe(() => c.one(['auto', 'default'])), format: c.maybe(() => ({kind: 'schema', schema: schema(c), strict: true})),
        ...(tools.length > 0 && {
            toolChoice: c.maybe(() => c.one([{kind: 'auto'}, {kind: 'any'}, {kind: 'none'}, {kind: 'tool', name: TOOLS[0]}])),
        }),
    });
}

/** Parts that a model may answer with. */
export function answerParts(c, thoughts) {
    return [
        ...(thoughts ? c.many(2, thoughts) : []), ...c.many(1, () => ({kind: 'text', text: c.word()})),
        ...c.many(3, (at) => ({kind: 'toolCall', id: `call_${at}`, name: c.one(TOOLS), arguments: JSON.stringify({[c.word()]: c.word()})})),
    ];
}

/** Any way to tell the same parts piece by piece. */
export function told(c, parts, start, end) {
    const events = parts.flatMap((part, at) => {
        const place = {choice: 0, part: at};
        const {kind, id, name, signature, redacted} = part;
        const text = [...(kind === 'toolCall' ? part.arguments : part.text)];
        const pieces = [];
        while (text.length > 0) {
            pieces.push({type: 'piece', ...place, text: text.splice(0, 1 + c.below(4)).join('')});
        }
        return [
            {type: 'open', ...place, kind, ...(kind === 'toolCall' && {id, name})}, ...pieces,
            ...(signature ? [{type: 'signature', ...place, signature, ...(redacted && {redacted})}] : []), {type: 'close', ...place},
        ].flatMap((event) => c.next() < 0.05 ? [{type: 'ping'}, event] : [event]);
    });
    return [start, ...events, ...end];
}

/** What events tell, whatever the pieces: the parts, why it stopped, the usage, and the events that are not pieces. */
export function folded(events) {
    const parts = [];
    const rest = {};
    for (const event of events) {
        const part = parts[event.part];
        if (event.type === 'open') {
            parts.push({kind: event.kind, text: '', ...(event.id && {id: event.id, name: event.name})});
            rest.open = (rest.open || 0) + 1;
        } else if (event.type === 'piece') {
            part.text += event.text;
        } else if (event.type === 'signature') {
            part.signature = event.signature;
        } else if (event.type === 'close') {
            rest.open -= 1;
        } else if (event.type !== 'ping') {
            rest[event.type] = event;
        }
    }
    return {parts, ...rest};
}
