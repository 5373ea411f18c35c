// @ts-check
// Providers that speak Google's batchEmbedContents.
import {readAnswer} from './embed/answer_reader.js';
import {readError} from './embed/errors.js';
import {writeRequest} from './embed/request_writer.js';
import {translator} from './translator.js';

export default translator({
    dialect: 'embed', writeRequest, readAnswer, readError,
});
