// @ts-check
import {sign} from '../form.js';
import {madeId} from '../media.js';
import {logprobsOf, stopOf, usageOf} from './words.js';

/** @typedef {import('../form.js').Part} Part */

/**
 * @param {any} value
 * @returns {import('../form.js').Answer}
 */
export function readAnswer(value) {
    const blocked = value.promptFeedback && value.promptFeedback.blockReason;
    const candidates = Array.isArray(value.candidates) ? value.candidates : [];
    return {
        id: value.responseId || '', model: value.modelVersion || '', created: Math.floor(Date.parse(value.createTime) / 1000) || 0,
        choices: candidates.length === 0 && blocked ? [{parts: [], stop: 'filter'}] : candidates.map(readCandidate),
        usage: usageOf(value.usageMetadata),
    };
}

/**
 * @param {any} candidate
 * @returns {import('../form.js').Choice}
 */
function readCandidate(candidate) {
    /** @type {Part[]} */
    const parts = [];
    for (const part of partsOf(candidate)) {
        const last = parts[parts.length - 1];
        const read = readPart(part);
        if (read === undefined) {
            continue;
        }
        if (last && last.kind === 'text' && read.kind === 'text') {
            last.text += read.text;
        } else {
            parts.push(read);
        }
    }
    const logprobs = logprobsOf(candidate.logprobsResult);
    return {parts, stop: stopOf(candidate.finishReason, parts.some(({kind}) => kind === 'toolCall')), ...logprobs && {logprobs}};
}

/**
 * @param {any} candidate
 * @returns {any[]}
 */
export function partsOf(candidate) {
    return (candidate.content && Array.isArray(candidate.content.parts) && candidate.content.parts) || [];
}

/**
 * @param {any} part
 * @returns {import('../form.js').TextPart | import('../form.js').ThinkingPart | import('../form.js').ToolCallPart | undefined}
 */
export function readPart(part) {
    const signature = part.thoughtSignature && {signature: sign('generate', part.thoughtSignature)};
    if (part.functionCall) {
        const {id, name, args} = part.functionCall;
        return {kind: 'toolCall', id: id || madeId('call_'), name: name || '', arguments: JSON.stringify(args || {}), ...signature};
    }
    if (typeof part.text !== 'string') {
        return undefined;
    }
    if (part.thought) {
        return {kind: 'thinking', text: part.text, ...signature};
    }
    return part.text === '' ? undefined : {kind: 'text', text: part.text};
}
