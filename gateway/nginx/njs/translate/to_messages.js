// @ts-check
// Providers that speak Anthropic's Messages.
import {readAnswer as readChatAnswer} from './chat/answer_reader.js';
import {readError as readChatError} from './chat/errors.js';
import {streamReader as chatReader} from './chat/stream_reader.js';
import {readAnswer} from './messages/answer_reader.js';
import {readError} from './messages/errors.js';
import {writeRequest} from './messages/request_writer.js';
import {streamReader} from './messages/stream_reader.js';
import {translator} from './translator.js';

/**
 * Behaviour.md 2.1, Consequence A: what is taken for Anthropic's server may be another that answers as OpenAI's does.
 *
 * @param {any} value
 */
function isChat(value) {
    return typeof value === 'object' && value !== null && value.type === undefined && (Array.isArray(value.choices) || value.error !== undefined);
}

export default translator({
    dialect: 'messages', writeRequest, readAnswer, streamReader, readError,
    posing: {dialect: 'chat', writeRequest, readAnswer: readChatAnswer, streamReader: chatReader, readError: readChatError, is: isChat},
});
