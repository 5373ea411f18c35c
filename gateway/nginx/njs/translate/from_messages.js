// @ts-check
// Clients that ask in Anthropic's Messages.
import {writeAnswer} from './messages/answer_writer.js';
import {writeError} from './messages/errors.js';
import {readRequest} from './messages/request_reader.js';
import {streamWriter} from './messages/stream_writer.js';
import {serve} from './translator.js';

export default serve({shape: 'anthropic', readRequest, writeAnswer, streamWriter, writeError});
