// @ts-check
// Clients that ask in OpenAI's Completions.
import {writeAnswer} from './completions/answer_writer.js';
import {writeError} from './completions/errors.js';
import {readRequest} from './completions/request_reader.js';
import {streamWriter} from './completions/stream_writer.js';
import {serve} from './translator.js';

export default serve({shape: 'openai', readRequest, writeAnswer, streamWriter, writeError});
