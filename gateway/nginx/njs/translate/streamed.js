// @ts-check
// An answer that came whole though a stream was asked for.

/**
 * @param {import('./form.js').Answer} answer
 * @param {{write(event: import('./form.js').Event): string, end(): string}} writer
 * @returns {string} the events of it
 */
export function streamed(answer, writer) {
    /** @type {any[]} */
    const events = [{type: 'start', id: answer.id, model: answer.model, created: answer.created}];
    answer.choices.forEach(({parts, stop, sequence, logprobs}, choice) => {
        parts.forEach((part, at) => events.push(...eventsOf(part, {choice, part: at}, logprobs)));
        events.push({type: 'stop', choice, stop, sequence});
    });
    if (answer.usage) {
        events.push({type: 'usage', usage: answer.usage});
    }
    events.push({type: 'end'});
    return events.map((event) => writer.write(event)).join('');
}

/**
 * @param {import('./form.js').Part} part
 * @param {{choice: number, part: number}} at
 * @param {import('./form.js').Logprob[]} [logprobs]
 * @returns {any[]}
 */
function eventsOf(part, at, logprobs) {
    const close = {type: 'close', ...at};
    switch (part.kind) {
    case 'text':
        return [{type: 'open', ...at, kind: part.refusal ? 'refusal' : 'text'}, {type: 'piece', ...at, text: part.text, logprobs}, close];
    case 'thinking':
        return [
            {type: 'open', ...at, kind: 'thinking'}, ...part.text ? [{type: 'piece', ...at, text: part.text}] : [],
            ...part.signature === undefined ? [] : [{type: 'signature', ...at, signature: part.signature, redacted: part.redacted}], close,
        ];
    case 'toolCall':
        return [
            {type: 'open', ...at, kind: 'toolCall', id: part.id, name: part.name, signature: part.signature},
            {type: 'piece', ...at, text: part.arguments}, close,
        ];
    default:
        return [];
    }
}
