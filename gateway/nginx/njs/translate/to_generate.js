// @ts-check
// Providers that speak Google's generateContent.
import {readAnswer} from './generate/answer_reader.js';
import {readError} from './generate/errors.js';
import {writeRequest} from './generate/request_writer.js';
import {streamReader} from './generate/stream_reader.js';
import {translator} from './translator.js';

export default translator({
    dialect: 'generate', writeRequest, readAnswer, streamReader, readError,
});
