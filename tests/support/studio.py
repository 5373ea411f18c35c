"""OpenAI's endpoints that are not translated: images, audio, moderations, files, batches. What came is kept, byte for byte."""

import base64
import json
import threading
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

SOUND = bytes(range(256)) * 8
PICTURE = base64.b64encode(b"\x89PNG picture").decode()


class Call(NamedTuple):
    """`fields` are those of a form, or of a JSON object."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    fields: dict[str, Any]


class Studio:
    """On a port of its own until the end of the block."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def keep(self, call: Call) -> dict[str, Any]:
        number = f"file-{len(self.files) + 1}"
        self.contents[number] = call.fields["file"]
        told = {"id": number, "object": "file", "bytes": len(call.fields["file"]), "created_at": 1, "filename": "f.jsonl"}
        self.files[number] = {**told, "purpose": call.fields["purpose"].decode(), "status": "processed"}
        return self.files[number]

    def answer(self, call: Call) -> tuple[int, str, bytes]:
        """Status, type and body."""
        path = urlsplit(call.target).path
        kind, _, rest = path.removeprefix("/v1/").partition("/")
        if kind == "files":
            return self._kept(call, rest)
        told = _ANSWERS.get((call.method, path))
        if told is None:
            return _json({"error": {"message": f"no {call.method} {path}", "type": "invalid_request_error"}}, 404)
        return (200, "audio/mpeg", SOUND) if path.endswith("/speech") else _json(told(call.fields))

    def _kept(self, call: Call, rest: str) -> tuple[int, str, bytes]:
        number, _, content = rest.partition("/")
        if call.method == "POST":
            return _json(self.keep(call))
        if not number:
            return _json({"object": "list", "data": list(self.files.values()), "has_more": False})
        if number not in self.files:
            return _json({"error": {"message": f"No such File object: {number}", "type": "invalid_request_error"}}, 404)
        if content:
            return 200, "application/octet-stream", self.contents[number]
        if call.method == "DELETE":
            del self.files[number]
            return _json({"id": number, "object": "file", "deleted": True})
        return _json(self.files[number])


def _batch(fields: dict[str, Any]) -> dict[str, Any]:
    told = {"id": "batch_1", "object": "batch", "status": "validating", "created_at": 1, "completion_window": "24h"}
    return {**told, "endpoint": fields["endpoint"], "input_file_id": fields["input_file_id"]}


_ANSWERS: dict[tuple[str, str], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("POST", "/v1/images/generations"): lambda _: {
        "created": 1,
        "data": [{"b64_json": PICTURE}],
        "usage": {
            "input_tokens": 5,
            "output_tokens": 40,
            "total_tokens": 45,
            "input_tokens_details": {"text_tokens": 5, "image_tokens": 0},
        },
    },
    ("POST", "/v1/images/edits"): lambda _: {"created": 1, "data": [{"b64_json": PICTURE}]},
    ("POST", "/v1/audio/speech"): lambda _: {},
    ("POST", "/v1/audio/transcriptions"): lambda _: {
        "text": "hello",
        "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 3, "total_tokens": 17},
    },
    ("POST", "/v1/moderations"): lambda fields: {"id": "modr-1", "model": fields["model"], "results": []},
    ("POST", "/v1/batches"): _batch,
    ("GET", "/v1/batches"): lambda _: {"object": "list", "data": [], "has_more": False},
    ("GET", "/v1/batches/batch_1"): lambda _: _batch({"endpoint": "/v1/chat/completions", "input_file_id": "file-1"}),
}


def _json(value: object, status: int = 200) -> tuple[int, str, bytes]:
    return status, "application/json", json.dumps(value).encode()


def _fields(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type.startswith("multipart/"):
        form = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
        return {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in form.iter_parts()}
    return dict(json.loads(body)) if body else {}


def _handler(studio: Studio) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
            """Nothing: a test asks for the calls."""

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            call = Call(self.command, self.path, headers, body, _fields(headers.get("content-type", ""), body))
            studio.calls.append(call)
            status, kind, answer = studio.answer(call)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_DELETE = do_GET  # noqa: N815 - as the base class looks for them

    return Handler
