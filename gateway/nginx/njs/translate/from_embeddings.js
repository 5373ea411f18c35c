// @ts-check
// Clients that ask in OpenAI's Embeddings.
import {writeAnswer} from './embeddings/answer_writer.js';
import {writeError} from './embeddings/errors.js';
import {readRequest} from './embeddings/request_reader.js';
import {serve} from './translator.js';

export default serve({shape: 'openai', readRequest, writeAnswer, writeError});
