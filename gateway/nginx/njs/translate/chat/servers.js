// @ts-check
// Servers that are like OpenAI's, by the type of their Provider, and what they take otherwise.
import {lose, loseOpenai, nameOf, refuse} from '../form.js';

/** @typedef {import('../form.js').Form} Form */

// of the bound on tokens; the others refuse the new name or do not heed it
const NEW_NAME = ['openai', 'azure-openai', 'groq', 'xai', 'openrouter'];
const OPENAI_MODEL = /^(?:openai\/)?(?:gpt-|o\d|chatgpt|codex)/;
// Whom effort may be said to: a model that does not reason refuses the word, and Anthropic's clients say it to all of them.
const REASONS = /(?:^|\/)o\d|gpt-?(?:[5-9]|\d\d|oss)|codex|grok-(?:3-mini|[4-9])|deepseek|qwen-?3|magistral|kimi|glm-|minimax|think|reason/i;
const HEEDLESS = ['openrouter', 'vllm'];
const KNOWS_ALL_WORDS = /gpt-?(?:5[.-][2-9](?!\d)|[6-9]|\d\d)/;
const KNOWS_NONE = /gpt-?(?:5[.-][1-9](?!\d)|[6-9]|\d\d)/;
// who has what OpenAI's dialects share
const SHARING = ['openai', 'azure-openai', 'openrouter'];
// where content must be a string if it is nothing but text
const PLAIN = ['deepseek', 'groq', 'together', 'openai-compatible'];
// Mistral refuses what it does not know
const NOT_MISTRAL = {reasoning_effort: 'reasoning', user: 'user', logit_bias: 'logitBias', service_tier: 'serviceTier'};

/**
 * @param {string} model
 * @param {string | undefined} provider
 */
export function boundName(model, provider) {
    const isNew = provider === undefined ? OPENAI_MODEL.test(model) : NEW_NAME.includes(provider);
    return isNew ? 'max_completion_tokens' : 'max_tokens';
}

/**
 * @param {Form} form
 * @param {string} provider
 * @returns {Record<string, any>} of what OpenAI's dialects share, what this one has
 */
export function sharedFields(form, provider) {
    if (SHARING.includes(provider)) {
        return form.openai || {};
    }
    loseOpenai(form);
    return {};
}

/**
 * @param {Form} form
 * @param {string} effort
 * @param {string | undefined} provider
 * @returns {string | undefined} the word that this model knows
 */
export function effortWord(form, effort, provider) {
    const {model} = form;
    if (HEEDLESS.includes(provider || '')) {
        return effort;
    }
    if (!REASONS.test(model) || (effort === 'none' && !KNOWS_NONE.test(model))) {
        return void lose(form, 'reasoning');
    }
    if ((effort === 'xhigh' || effort === 'max') && !KNOWS_ALL_WORDS.test(model)) {
        lose(form, 'reasoning');
        return 'high';
    }
    return effort;
}

/**
 * Change what this server takes otherwise.
 *
 * @param {Form} form
 * @param {Record<string, any>} body
 * @param {string} provider
 */
export function suit(form, body, provider) {
    if (PLAIN.includes(provider)) {
        for (const message of body.messages) {
            const {content} = message;
            if (Array.isArray(content) && content.every(({type}) => type === 'text')) {
                message.content = content.map(({text}) => text).join('\n\n');
            }
        }
    }
    if (provider === 'mistral') {
        suitMistral(form, body);
    }
}

/**
 * @param {Form} form
 * @param {Record<string, any>} body
 */
function suitMistral(form, body) {
    if (body.logprobs) {
        refuse(nameOf(form, 'logprobs'), 'has no counterpart at Mistral');
    }
    for (const [name, field] of Object.entries(NOT_MISTRAL)) {
        if (body[name] !== undefined) {
            lose(form, field);
            delete body[name];
        }
    }
    body.random_seed = body.seed;
    delete body.seed;
    delete body.stream_options; // it tells the usage unasked
    body.messages = body.messages.flatMap((/** @type {any} */ message, /** @type {number} */ at) => {
        if (message.role !== 'user' || at === 0 || body.messages[at - 1].role !== 'tool') {
            return [message];
        }
        lose(form, 'messages.place'); // no user may speak right after a tool
        return [{role: 'assistant', content: 'Done.'}, message];
    });
    for (const message of body.messages) {
        if (message.name !== undefined) {
            lose(form, 'name');
        }
        if (message.reasoning_content !== undefined) {
            lose(form, 'thinking');
        }
        delete message.name;
        delete message.reasoning_content;
        for (const call of message.tool_calls || []) {
            call.id = shortId(call.id);
        }
        if (message.tool_call_id !== undefined) {
            message.tool_call_id = shortId(message.tool_call_id);
        }
    }
}

/**
 * Mistral's identifiers of calls are nine letters and digits.
 *
 * @param {string} id
 * @returns {string} the same for the same
 */
function shortId(id) {
    if (/^[a-zA-Z0-9]{9}$/.test(id)) {
        return id;
    }
    let one = 0x811c9dc5;
    let other = 5381;
    for (const letter of id) {
        const code = letter.codePointAt(0) || 0;
        one = Math.imul(one ^ code, 0x01000193);
        other = Math.imul(other, 33) + code;
    }
    return ((one >>> 0) * 0x100000 + (other >>> 12 & 0xfffff)).toString(36).padStart(9, '0').slice(-9);
}
