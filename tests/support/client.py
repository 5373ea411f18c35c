"""A plain HTTP client for tests, which sends exactly what it is told and says exactly what came back."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 10


@dataclass(frozen=True)
class Reply:
    """Header names in lower case; repeated ones are joined by a comma."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


def call(
    base_url: str,
    path: str,
    body: object = None,
    *,
    key: str | None = None,
    method: str = "",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """One request on a connection of its own. A body that is not bytes is sent as JSON; `key` goes as Bearer."""
    with stream(base_url, path, body, key=key, method=method, headers=headers) as response:
        return Reply(response.status, _headers(response), response.read())


@contextmanager
def stream(
    base_url: str,
    path: str,
    body: object = None,
    *,
    key: str | None = None,
    method: str = "",
    headers: Mapping[str, str] | None = None,
    seconds: float = _SECONDS,
) -> Iterator[http.client.HTTPResponse]:
    """The same, with the reply's head there and its body still to be read; leaving hangs up."""
    target = urlsplit(base_url)
    given = {"Authorization": f"Bearer {key}"} if key is not None else {}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        given["Content-Type"] = "application/json"
    with closing(http.client.HTTPConnection(target.hostname or "", target.port, timeout=seconds)) as connection:
        connection.request(method or ("GET" if body is None else "POST"), path, body, {**given, **(headers or {})})
        yield connection.getresponse()


def send_raw(base_url: str, data: bytes, *, half_close: bool = False, seconds: float = _SECONDS) -> Reply | None:
    """Send bytes as they are and read the first reply; None if the other side hangs up without a word."""
    target = urlsplit(base_url)
    with socket.create_connection((target.hostname or "", target.port or 80), timeout=seconds) as connection:
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of it was sent; what was said is still to be read
        response = http.client.HTTPResponse(connection)
        try:
            response.begin()
            return Reply(response.status, _headers(response), response.read())
        except (http.client.BadStatusLine, ConnectionResetError):
            return None
        finally:
            response.close()


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        lower = name.lower()
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    return headers
