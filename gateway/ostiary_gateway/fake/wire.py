"""HTTP/1.1 as bytes: requests out of what a connection delivers, replies into what it sends.

Our own because it is several times as fast as a server framework, which matters where it stands behind a gateway that
is being measured, and because it must be able to break off anywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

_END_OF_HEAD = b"\r\n\r\n"
_MAX_HEAD = 128 * 1024


class MalformedRequestError(ValueError):
    """What arrived is not one unambiguous HTTP/1.1 request."""


@dataclass(frozen=True, slots=True)
class Request:
    """Header names in lower case, in the order of arrival, repeated ones kept; `target` as it came."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(slots=True)
class Parser:
    """Feed it bytes in any portions, take requests out."""

    buffer: bytearray = field(default_factory=bytearray)
    head: Request | None = None
    length: int = 0  # of the body still to come; negative: chunked
    chunks: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[Request]:
        """Every request that is now complete.

        Raises:
            MalformedRequestError: the connection cannot be understood any more.
        """
        self.buffer += data
        while True:
            if self.head is None and not self._take_head():
                return
            body = self._take_chunked() if self.length < 0 else self._take_plain()
            if body is None or self.head is None:
                return
            head, self.head = self.head, None
            yield Request(head.method, head.target, head.headers, body)

    def _take_head(self) -> bool:
        end = self.buffer.find(_END_OF_HEAD)
        if end < 0:
            if len(self.buffer) > _MAX_HEAD:
                raise MalformedRequestError("head too large")
            return False
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        del self.buffer[: end + len(_END_OF_HEAD)]
        self.head = _read_head(lines)
        self.length = _body_length(self.head)
        return True

    def _take_plain(self) -> bytes | None:
        if len(self.buffer) < self.length:
            return None
        body = bytes(self.buffer[: self.length])
        del self.buffer[: self.length]
        return body

    def _take_chunked(self) -> bytes | None:
        """Move whole chunks aside; None until the last one is there."""
        while (end := self.buffer.find(b"\r\n")) >= 0:
            try:
                size = int(self.buffer[:end].partition(b";")[0], 16)
            except ValueError:
                raise MalformedRequestError("chunk size") from None
            start = end + 2
            if len(self.buffer) < start + size + 2:
                return None
            self.chunks += self.buffer[start : start + size]
            del self.buffer[: start + size + 2]
            if size == 0:
                body, self.chunks = bytes(self.chunks), bytearray()
                return body
        return None


def _read_head(lines: list[str]) -> Request:
    parts = lines[0].split(" ")
    if len(parts) != 3:  # noqa: PLR2004
        raise MalformedRequestError("request line")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise MalformedRequestError("header line")
        headers.append((name.lower(), value.strip()))
    return Request(parts[0], parts[1], tuple(headers))


def _body_length(head: Request) -> int:
    """Its Content-Length, or -1 if it is chunked. Both at once is an attempt to smuggle a request."""
    lengths = [value for name, value in head.headers if name == "content-length"]
    codings = [value for name, value in head.headers if name == "transfer-encoding"]
    hosts = [value for name, value in head.headers if name == "host"]
    if len(lengths) + len(codings) > 1 or len(hosts) > 1:
        raise MalformedRequestError("ambiguous length or host")
    if codings:
        if codings[0].lower() != "chunked":
            raise MalformedRequestError("transfer coding")
        return -1
    if lengths and not lengths[0].isdecimal():
        raise MalformedRequestError("content length")
    return int(lengths[0]) if lengths else 0


def head(status: int, headers: dict[str, str]) -> bytes:
    """Status line and headers of a reply."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {reason}\r\n{lines}\r\n".encode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
