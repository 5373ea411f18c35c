// @ts-check
// Clients that ask in Google's generateContent.
import {writeAnswer} from './generate/answer_writer.js';
import {writeError} from './generate/errors.js';
import {readRequest} from './generate/request_reader.js';
import {streamWriter} from './generate/stream_writer.js';
import {serve} from './translator.js';

export default serve({shape: 'google', readRequest, writeAnswer, streamWriter, writeError});
