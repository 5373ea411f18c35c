"""An HTTP filter to begin with: refuses requests about a secret project, and tells every model the rules of the house.

python hack/samples/house_rules.py [port]
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FORBIDDEN = "project bluebird"
RULES = {"role": "system", "content": "Answer in British English."}


class Filter(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if FORBIDDEN in json.dumps(body, ensure_ascii=False).lower():
            self._answer(403, b"we do not talk about that")
        elif self.headers.get("X-Ostiary-Dialect") == "chat" and RULES not in body["messages"]:
            body["messages"].insert(0, RULES)
            self._answer(200, json.dumps(body).encode())
        else:
            self._answer(200, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1]) if len(sys.argv) > 1 else 8000), Filter)
    print(f"house rules: {server.server_address[1]}", flush=True)
    server.serve_forever()
