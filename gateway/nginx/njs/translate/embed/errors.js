// @ts-check
// Google has one shape of errors for all that it does.
export {readError} from '../generate/errors.js';
