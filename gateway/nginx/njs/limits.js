// @ts-check
// What a Model lets through before anything is sent.
import {parsed} from './json.js';

const ASKED = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'];

/**
 * @param {NginxHTTPRequest} r its body has been read
 * @param {import('./plans.js').Plan} plan
 * @returns {{status: number, message: string} | null} null if it may go on
 */
export function isAllowed(r, plan) {
    const most = plan.max_request_bytes;
    if (most > 0 && /** @type {Buffer} */ (r.requestBuffer).length > most) {
        return {status: 413, message: `request body too large: ${plan.model} takes ${most} bytes`};
    }
    if (plan.max_output_tokens > 0) {
        const body = parsed(r.requestText); // the pattern in nginx.conf is not strict about numbers
        if (body === undefined) {
            return {status: 400, message: 'invalid JSON body'};
        }
        const field = ASKED.find((name) => body[name] > plan.max_output_tokens);
        if (field !== undefined) {
            return {status: 400, message: `${field} is more than the ${plan.max_output_tokens} that ${plan.model} allows`};
        }
    }
    return null;
}
