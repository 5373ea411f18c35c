// @ts-check
// Providers that speak OpenAI's Responses.
import {readAnswer} from './responses/answer_reader.js';
import {readError} from './responses/errors.js';
import {writeRequest} from './responses/request_writer.js';
import {streamReader} from './responses/stream_reader.js';
import {translator} from './translator.js';

export default translator({
    dialect: 'responses', writeRequest, readAnswer, streamReader, readError,
});
