// @ts-check
// Clients that ask in OpenAI's Chat Completions.
import {writeAnswer} from './chat/answer_writer.js';
import {writeError} from './chat/errors.js';
import {readRequest} from './chat/request_reader.js';
import {streamWriter} from './chat/stream_writer.js';
import {serve} from './translator.js';

export default serve({shape: 'openai', readRequest, writeAnswer, streamWriter, writeError});
