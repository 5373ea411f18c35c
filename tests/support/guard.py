"""A guard of its own for tests, and a provider that says exactly what a test tells it, when it is told."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.gateway import unix_get
from tests.support.process import python
from tests.support.wait import until

_SECONDS = 10.0
_CHAT = "/v1/chat/completions"
COMMENT = b": keep-alive\n\n"
BODY = b'{"model":"m","messages":[]}'


class Guard:
    """The process, started with these settings; `ask` is what nginx would send."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.run = folder / "run"
        self.run.mkdir(parents=True, exist_ok=True)
        self.socket = self.run / "guard.sock"
        self.program = python(folder / "guard.log", "ostiary_gateway", "guard", settings={"run": self.run, **settings})
        until(self._answers, "the guard answers")

    def ask(
        self, order: dict[str, Any], path: str = _CHAT, body: bytes = BODY, **headers: str | bytes
    ) -> AbstractContextManager["Asked"]:
        return ask(self.socket, order, path, body, **headers)

    def question(self, order: dict[str, Any], path: str, method: str = "GET") -> tuple[int, Any]:
        """Status and JSON of an answer that the guard has itself."""
        with closing(UnixConnection(self.socket)) as connection:
            connection.request(method, path, headers={"X-Ostiary-Guard": json.dumps(order)})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def status(self) -> dict[str, int]:
        return dict(json.loads(unix_get(self.socket, "/status")))

    def drained(self, request_id: str) -> dict[str, Any]:
        """What the guard tells of a reply; it waits until it knows."""
        return dict(json.loads(unix_get(self.socket, f"/drained/{request_id}")))

    def stop(self) -> None:
        if self.program.running:
            self.program.hurry()

    def _answers(self) -> bool:
        assert self.program.running, self.program.output
        try:
            return bool(self.status() is not None)
        except OSError:
            return False


@contextmanager
def ask(guard: Path, order: dict[str, Any], path: str = _CHAT, body: bytes = BODY, **headers: str | bytes) -> Iterator["Asked"]:
    """Send a request; leaving hangs up."""
    with closing(UnixConnection(guard)) as connection:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, body, {"X-Ostiary-Guard": json.dumps(order), **names})
        yield Asked(connection)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("nginx", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Asked:
    """A request under way, and when it began."""

    def __init__(self, connection: UnixConnection) -> None:
        self._connection = connection
        self._began = time.monotonic()

    def answer(self) -> http.client.HTTPResponse:
        """As soon as its head is there."""
        return self._connection.getresponse()

    def next_bytes(self) -> bytes:
        """What arrives in one piece, framing and all; only while nothing of the body has been read."""
        received: bytes = self._connection.sock.recv(1 << 16)
        return received

    @property
    def milliseconds(self) -> float:
        return (time.monotonic() - self._began) * 1000


@dataclass(frozen=True)
class Call:
    """A request as it reached the provider, byte for byte, and the connection on which it waits for an answer."""

    connection: socket.socket
    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        return self.head.split(b"\r\n")[0].decode("latin-1")

    @property
    def headers(self) -> list[tuple[str, str]]:
        """In the order and spelling of arrival."""
        lines = self.head.decode("utf-8").split("\r\n")[1:-2]
        return [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]

    def say(self, *parts: bytes) -> None:
        self.connection.sendall(b"".join(parts))

    def begin_stream(self, *headers: bytes) -> None:
        self.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n", *headers, b"\r\n")

    def send(self, piece: bytes) -> None:
        """A chunk of its own."""
        self.say(b"%x\r\n%b\r\n" % (len(piece), piece))

    def end_stream(self) -> None:
        self.say(b"0\r\n\r\n")

    def reply(self, body: bytes, status: str = "200 OK", *headers: bytes) -> None:
        lines = [b"HTTP/1.1 " + status.encode(), b"Content-Type: application/json", b"Content-Length: %d" % len(body), *headers]
        self.say(b"\r\n".join(lines), b"\r\n\r\n", body)

    def hang_up(self) -> None:
        self.connection.close()

    def reset(self) -> None:
        """An end in the middle, as of a process that is killed."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.connection.close()

    def wait_for_end(self) -> None:
        """Until the other side has closed this connection."""
        with suppress(ConnectionResetError):
            assert self.connection.recv(1) == b""


class ScriptedProvider:
    """A listener on the loopback, or on a unix socket as nginx's translator; a test takes its calls one by one."""

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen()
            self.url = f"unix:{path}"
        self._listener.settimeout(_SECONDS)
        self._open: list[socket.socket] = []

    def take(self, on: Call | None = None) -> Call:
        """The next request: on a new connection, or on that of an earlier call."""
        connection = self._listener.accept()[0] if on is None else on.connection
        connection.settimeout(_SECONDS)
        self._open.append(connection)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        while len(body) < length:
            body += self._more(connection)
        return Call(connection, head + b"\r\n\r\n", body)

    def close(self) -> None:
        for each in (*self._open, self._listener):
            each.close()

    @staticmethod
    def _more(connection: socket.socket) -> bytes:
        data = connection.recv(1 << 16)
        assert data, "the guard hung up in the middle of a request"
        return data
