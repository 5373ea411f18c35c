"""A DNS server that a test can tell what to say, on a UDP port of its own."""

import ipaddress
import socketserver
import struct
import threading
from types import TracebackType
from typing import Any, Self

_HEADER = struct.Struct(">HHHHHH")
_A, _IN = 1, 1
_RESPONSE = 0x8180  # an answer, recursion available
_NO_SUCH_NAME = 3


class DnsServer:
    """Answers for A records; every other name does not exist, and `silent` names get no answer at all.

    `ttl` is the life of an answer in seconds.
    """

    def __init__(self, ttl: int = 1) -> None:
        self.addresses: dict[str, tuple[str, ...]] = {}
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self._ttl = ttl
        self._server = _Server(self)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def reply(self, query: bytes) -> bytes | None:
        """The answer to a query as it came from the network; None is silence."""
        number, _, questions, *_ = _HEADER.unpack_from(query)
        name, end = _name(query, _HEADER.size)
        kind, _ = struct.unpack_from(">HH", query, end)
        question = query[_HEADER.size : end + 4]
        self.asked.append(name)
        if name in self.silent:
            return None
        known = self.addresses.get(name)
        addresses = known if known and kind == _A else ()
        flags = _RESPONSE | (0 if known else _NO_SUCH_NAME)
        return _HEADER.pack(number, flags, questions, len(addresses), 0, 0) + question + b"".join(map(self._record, addresses))

    def _record(self, address: str) -> bytes:
        """An answer whose name points back at the question."""
        data = ipaddress.IPv4Address(address).packed
        return struct.pack(">HHHIH", 0xC000 | _HEADER.size, _A, _IN, self._ttl, len(data)) + data


class _Server(socketserver.UDPServer):
    def __init__(self, server: DnsServer) -> None:
        self.answers = server
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server
    request: Any

    def handle(self) -> None:
        query, line = self.request
        if reply := self.server.answers.reply(query):
            line.sendto(reply, self.client_address)


def _name(query: bytes, at: int) -> tuple[str, int]:
    """The name in a question and where it ends; questions are never compressed."""
    labels = []
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1
