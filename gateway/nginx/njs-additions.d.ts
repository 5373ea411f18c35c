// What njs 1.0 has and njs-types does not know yet.
interface NginxHTTPRequest {
    /** Reads the request body, in js_access and js_content; since 0.9.9. */
    readRequestArrayBuffer(): Promise<ArrayBuffer>;
}
