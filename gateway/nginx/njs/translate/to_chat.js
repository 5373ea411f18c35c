// @ts-check
// Providers that speak OpenAI's Chat Completions.
import {readAnswer} from './chat/answer_reader.js';
import {readError} from './chat/errors.js';
import {writeRequest} from './chat/request_writer.js';
import {streamReader} from './chat/stream_reader.js';
import {translator} from './translator.js';

export default translator({
    dialect: 'chat', writeRequest, readAnswer, streamReader, readError,
});
