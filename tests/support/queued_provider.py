"""A provider that answers from a queue, as the mock providers of behaviour.md 2.1: every POST path, OpenAI's format.

The last answer of the queue repeats. GETs are answered and not counted. `Answer`s are written down before the request comes;
what came is kept for the test to look at.
"""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

ECHO = ""  # as a text: the last user message comes back
_FIRST_MODEL = "mock"


@dataclass(frozen=True)
class Answer:
    """`delay` seconds go by before its head, `pause` before each event of a stream, or before the one that `pause_at` says.

    After `breaks` events (or half a whole answer) the connection ends, after `stalls` events nothing more comes.
    """

    status: int = 200
    text: str = "hello from the mock"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pause: float = 0.0
    pause_at: int = -1
    breaks: int = -1
    stalls: int = -1
    body: bytes | None = None


@dataclass(frozen=True)
class Call:
    """A POST as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def credentials(self) -> str:
        return f"{self.headers.get('authorization', '')} {self.headers.get('x-api-key', '')}"

    @property
    def text(self) -> str:
        """Everything of it, to look for what must not be there."""
        return "\n".join([self.path, *(f"{name}: {value}" for name, value in self.headers.items()), self.body.decode()])


class QueuedProvider:
    """A mock on a port of its own; the end of the block ends it, whatever it is doing.

    `plain`: one request at a time, HTTP/1.0, no length and no keep-alive, so that a connection which is held open
    without a request blocks it (behaviour.md 2.1, Consequence D).
    """

    def __init__(self, *, plain: bool = False, host: str = "127.0.0.1", port: int = 0) -> None:
        self.plain = plain
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._queue: deque[Answer] = deque([Answer()])
        self._calls: list[Call] = []
        self._left = 0
        self._refusals: dict[str, Answer] = {}
        self._server = (_Plain if plain else _Threaded)((host, port), self)
        self.port: int = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def calls(self) -> list[Call]:
        with self._lock:
            return list(self._calls)

    def answers(self, *queue: Answer) -> None:
        """These from now on, and nothing of what came before counts."""
        with self._lock:
            self._queue = deque(queue)
            self._refusals = {}
            self._calls.clear()
            self._left = 0

    def refuses(self, credential: str, answer: Answer) -> None:
        """This is the answer, whatever the queue says, to whoever shows the credential."""
        with self._lock:
            self._refusals[credential] = answer

    @property
    def left(self) -> int:
        """How many streams could not be sent to their end, because nobody listened any more."""
        with self._lock:
            return self._left

    def leave(self) -> None:
        with self._lock:
            self._left += 1

    def take(self, call: Call) -> Answer:
        """The answer to a call, which is noted."""
        with self._lock:
            self._calls.append(call)
            for credential, answer in self._refusals.items():
                if credential in call.credentials:
                    return answer
            return self._queue.popleft() if len(self._queue) > 1 else self._queue[0]


class _Threaded(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], mock: QueuedProvider) -> None:
        self.mock = mock
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has left is none of ours."""


class _Plain(HTTPServer):
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], mock: QueuedProvider) -> None:
        self.mock = mock
        super().__init__(address, _PlainHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """As above."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Threaded | _Plain

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class names it
        """Nothing: a test asks for the calls."""

    def do_GET(self) -> None:
        self._whole(Answer(body=b"{}"), b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        answer = self.server.mock.take(call)
        if self._waited(answer.delay):
            return
        if answer.status == 200 and answer.body is None and call.json.get("stream"):
            self._stream(answer, call)
        else:
            self._whole(answer, answer.body if answer.body is not None else _whole(answer, call))

    def _whole(self, answer: Answer, body: bytes) -> None:
        plain = self.server.mock.plain
        self.send_response(answer.status)
        length = {} if plain else {"Content-Length": str(len(body))}
        self._headers({"Content-Type": "application/json", **length, **answer.headers})
        self.wfile.write(body if answer.breaks < 0 else body[: len(body) // 2])
        self.close_connection = plain or answer.breaks >= 0

    def _stream(self, answer: Answer, call: Call) -> None:
        plain = self.server.mock.plain
        self.send_response(200)
        framing = {} if plain else {"Transfer-Encoding": "chunked"}
        self._headers({"Content-Type": "text/event-stream", **framing, **answer.headers})
        for number, event in enumerate(_events(answer, call)):
            stalled = number == answer.stalls and self._waited(3600)
            pause = answer.pause if answer.pause_at in {-1, number} else 0
            if stalled or number == answer.breaks or self._waited(pause):
                self.close_connection = True
                return
            try:
                self.wfile.write(event if plain else b"%x\r\n%s\r\n" % (len(event), event))
            except OSError:
                self.server.mock.leave()
                raise
        if not plain:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = plain

    def _headers(self, headers: Mapping[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _waited(self, seconds: float) -> bool:
        """Whether the mock ends; then nothing more is to be said."""
        ended = seconds > 0 and self.server.mock.ending.wait(seconds)
        self.close_connection = self.close_connection or ended
        return ended


class _PlainHandler(_Handler):
    protocol_version = "HTTP/1.0"


def _text(answer: Answer, call: Call) -> str:
    content = call.json["messages"][-1]["content"] if answer.text == ECHO else answer.text
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _whole(answer: Answer, call: Call) -> bytes:
    if answer.status >= 400:
        return _encode(_failure(answer.status, call))
    model, text = call.json.get("model", _FIRST_MODEL), _text(answer, call)
    if call.path.endswith("/messages"):
        usage = {"input_tokens": 11, "output_tokens": 7}
        content = [{"type": "text", "text": text}]
        head = {"id": "msg_mock", "type": "message", "role": "assistant", "model": model}
        return _encode({**head, "content": content, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage})
    if call.path.endswith("/responses"):
        return _encode(_response(model, text))
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return _encode({**_envelope("chat.completion", model), "choices": [choice], "usage": usage})


def _response(model: str, text: str) -> dict[str, Any]:
    """With an id that no other has."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "msg_mock", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
    head = {"id": f"resp_{uuid4().hex}", "object": "response", "created_at": 1_700_000_000, "model": model}
    return {**head, "status": "completed", "output": [item], "usage": usage}


def _failure(status: int, call: Call) -> object:
    message = f"the mock says {status}"
    if call.path.endswith("/messages"):
        return {"type": "error", "error": {"type": "api_error", "message": message}}
    return {"error": {"message": message, "type": "mock_error", "param": None, "code": None}}


def _events(answer: Answer, call: Call) -> Iterator[bytes]:
    pieces = _text(answer, call).split(" ")
    words = [*(f"{piece} " for piece in pieces[:-1]), pieces[-1]]
    model = call.json.get("model", _FIRST_MODEL)
    if call.path.endswith("/messages"):
        yield from _message_events(model, words)
        return
    if call.path.endswith("/responses"):
        whole = _response(model, _text(answer, call))
        yield _named("response.created", response={**whole, "status": "in_progress", "output": [], "usage": None})
        yield _named("response.completed", response=whole)
        return
    for word in words:
        choice = {"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}
        yield _event({**_envelope("chat.completion.chunk", model), "choices": [choice]})
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield _event({**_envelope("chat.completion.chunk", model), "choices": [last]})
    if (call.json.get("stream_options") or {}).get("include_usage"):
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        yield _event({**_envelope("chat.completion.chunk", model), "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _message_events(model: str, words: list[str]) -> Iterator[bytes]:
    usage = {"input_tokens": 11, "output_tokens": 1}
    message = {"id": "msg_mock", "type": "message", "role": "assistant", "model": model, "content": [], "usage": usage}
    yield _named("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
    yield _named("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in words:
        yield _named("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    yield _named("content_block_stop", index=0)
    yield _named("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 7})
    yield _named("message_stop")


def _envelope(kind: str, model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-mock", "object": kind, "created": 1_700_000_000, "model": model}


def _event(value: object) -> bytes:
    return b"data: " + _encode(value) + b"\n\n"


def _named(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\n".encode() + _event({"type": kind, **fields})


def _encode(value: object) -> bytes:
    return json.dumps(value).encode()
