"""The fake provider's sockets: one protocol object per connection, one request of it at a time."""

import asyncio
import signal
import socket
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import cast

import uvloop

from ostiary_gateway.fake.dialect import Answer, Stream
from ostiary_gateway.fake.journal import Journal
from ostiary_gateway.fake.route import find_answer
from ostiary_gateway.fake.script import Script
from ostiary_gateway.fake.wire import LAST_CHUNK, MalformedRequestError, Parser, Request, chunk, head

_BACKLOG = 4096
_TURN = 64  # portions to a fast reader after which others have their turn
_MILLISECOND = 0.001


class Connection(asyncio.Protocol):
    """Replies that are whole and undisturbed are written at once; all others have a task that may wait."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._parser = Parser()
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._journal.counters.update(connections=1, open=1)
        self._number = self._journal.counters["connections"]

    def connection_lost(self, _exc: Exception | None) -> None:
        self._journal.counters["open"] -= 1
        self._writable.set()
        if self._task is not None:
            self._journal.counters["abandoned"] += 1
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        try:
            self._waiting.extend(self._parser.feed(data))
        except MalformedRequestError:
            self._journal.counters["malformed"] += 1
            self._transport.write(head(400, {"Content-Length": "0", "Connection": "close"}))
            self._transport.close()
            return
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._task is None and not self._transport.is_closing():
            request = self._waiting.popleft()
            if not request.path.startswith("/_"):
                self._journal.note(self._number, request)
            reply = find_answer(request, self._journal)
            if isinstance(reply, Answer) and _is_plain(reply.script):
                self._transport.write(_whole(reply, request.method))
            else:
                self._task = asyncio.get_running_loop().create_task(self._act(reply, request.method))
                self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            task.result()
            self._serve()

    async def _act(self, reply: Answer | Stream, method: str) -> None:
        script = reply.script
        if script.hang:
            await asyncio.Event().wait()
        if script.drop:
            self._break()
        elif isinstance(reply, Stream):
            await self._stream(reply)
        else:
            await asyncio.sleep(script.delay_ms * _MILLISECOND)
            await self._cut(_whole(reply, method), script)

    async def _stream(self, reply: Stream) -> None:
        """Send the portions, each as a chunk of its own."""
        script = reply.script
        framing = {"Connection": "close"} if script.close else {"Transfer-Encoding": "chunked"}
        headers = {"Content-Type": reply.content_type, "Cache-Control": "no-cache", **framing, **reply.headers}
        self._transport.write(head(200, headers))
        for number, portion in enumerate(_in_pieces(reply.portions, script.split)):
            if number == script.stall_after:
                await asyncio.Event().wait()
            if number == script.break_after:
                self._break()
                return
            if script.delay_ms:
                await asyncio.sleep(script.delay_ms * _MILLISECOND)
            at_once = bool(script.split) or number % _TURN == 0
            await self._send(portion if script.close else chunk(portion), at_once=at_once)
        self._journal.counters["streams"] += 1
        if script.close:
            self._hang_up()
        else:
            self._transport.write(LAST_CHUNK)

    async def _cut(self, reply: bytes, script: Script) -> None:
        """A whole reply that is cut into pieces, broken off in the middle or ended by the end of the connection."""
        if script.break_after >= 0:
            await self._send(reply[: len(reply) // 2], at_once=True)
            self._break()
            return
        for piece in _in_pieces(iter((reply,)), script.split):
            await self._send(piece, at_once=bool(script.split))
        if script.close:
            self._hang_up()

    async def _send(self, data: bytes, *, at_once: bool) -> None:
        """Write, and wait while the reader is slow; `at_once` lets it leave on its own before more is written."""
        self._transport.write(data)
        if at_once:
            await asyncio.sleep(0)
        await self._writable.wait()

    def _hang_up(self) -> None:
        self._task = None
        self._transport.close()

    def _break(self) -> None:
        self._journal.counters["broken"] += 1
        self._task = None
        self._transport.abort()


def _is_plain(script: Script) -> bool:
    special = script.hang or script.drop or script.close or script.delay_ms or script.split
    return not special and script.break_after < 0


def _whole(reply: Answer, method: str) -> bytes:
    framing = {"Connection": "close"} if reply.script.close else {"Content-Length": str(len(reply.body))}
    headers = {"Content-Type": reply.content_type, **framing, **reply.headers}
    return head(reply.status, headers) + (b"" if method == "HEAD" else reply.body)


def _in_pieces(portions: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of `size`; 0 leaves them as they are."""
    if not size:
        yield from portions
        return
    whole = b"".join(portions)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


async def serve(listener: socket.socket, stop: asyncio.Event, tls: ssl.SSLContext | None = None) -> None:
    """Serve on a bound socket until `stop`; open replies are dropped then."""
    journal = Journal()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(journal), sock=listener, backlog=_BACKLOG, ssl=tls)
    try:
        await stop.wait()
    finally:
        server.close()


async def _serve_until_signal(listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(listener, stop, tls)


def main(host: str, port: int, certificate: str = "", private_key: str = "") -> None:
    """Serve until SIGTERM or SIGINT; TLS if a certificate (PEM file) is given.

    Raises:
        OSError: the address cannot be bound or the certificate cannot be read.
    """
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, private_key or None)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    print(f"fake provider: {listener.getsockname()[1]}", flush=True)  # noqa: T201  # where it listens, for port 0
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve_until_signal(listener, tls))
