// @ts-check
// Errors of OpenAI's Completions are those of Chat Completions.
export {errorEvent, readError, writeError} from '../chat/errors.js';
