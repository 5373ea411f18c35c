// @ts-check
// Clients that ask in OpenAI's Responses.
import {writeAnswer} from './responses/answer_writer.js';
import {writeError} from './responses/errors.js';
import {readRequest} from './responses/request_reader.js';
import {streamWriter} from './responses/stream_writer.js';
import {serve} from './translator.js';

export default serve({shape: 'openai', readRequest, writeAnswer, streamWriter, writeError});
