// @ts-check
// Providers that speak AWS Bedrock's Converse.
import {frameReader} from './converse/frames.js';
import {readAnswer} from './converse/answer_reader.js';
import {readError} from './converse/errors.js';
import {writeRequest} from './converse/request_writer.js';
import {streamReader} from './converse/stream_reader.js';
import {translator} from './translator.js';

export default translator({
    dialect: 'converse', writeRequest, readAnswer, streamReader, readError,
    cutter: frameReader,
});
