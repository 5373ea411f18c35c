"""The scripted provider: a small HTTP server whose bytes can be taken apart anywhere, and which can end in any way."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ostiary_gateway.conformance.case import PATHS, Case
from ostiary_gateway.conformance.cuts import cut, written
from ostiary_gateway.conformance.events import Event, error, events, whole
from ostiary_gateway.conformance.play import Play

_NONCE = re.compile(rb"conformance-([0-9a-f]{16})")
_GAP_SECONDS = 0.001  # between two pieces, so that they are two reads at the other end
_MANY = 100  # pieces: they come as fast as they are taken
_LATE_SECONDS = 0.15
_NOTICE_SECONDS = 3.0  # so long a gateway may take to let go after its client has left
_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: bytes


class Provider:
    """Serves from the start of the block to its end. `port` 0 takes a free one."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host, self.port = host, port
        self._plays: dict[str, Play] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, self._host, self.port, backlog=512)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def expect(self, play: Play) -> None:
        self._plays[play.nonce] = play

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, TimeoutError, ValueError):
                while await self._answer(await _read(reader), reader, writer):
                    await writer.drain()
        finally:
            writer.close()

    async def _answer(self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays."""
        found = _NONCE.search(request.body)
        play = self._plays.get(found[1].decode()) if found else None
        if play is None or request.method != "POST" or not request.path.endswith(tuple(PATHS.values())):
            writer.write(_whole_reply(200, json.dumps({"object": "list", "data": []}).encode()))
            return True
        play.calls += 1
        if play.calls <= len(play.case.fails):
            status = play.case.fails[play.calls - 1]
            writer.write(_whole_reply(status, json.dumps({"error": {"message": "not now", "type": "server_error"}}).encode()))
            return True
        return await _Telling(play, reader, writer).answer(request)


class _Telling:
    """One answer on its way."""

    def __init__(self, play: Play, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._play, self._reader, self._writer = play, reader, writer
        self._case: Case = play.case

    async def answer(self, request: _Request) -> bool:
        case, play = self._case, self._play
        reply_id = f"{play.nonce}{play.calls}"
        play.text, play.counts, play.final, play.sent_events = "", None, False, 0
        if case.ends == "silence":
            play.reached.set()
            if await self._left():
                return False
        play.answered += 1
        if not case.stream:
            event = whole(case, reply_id)
            self._writer.write(_whole_reply(200, event.data.encode()))
            self._sent(event)
            return True
        asked = json.loads(request.body).get("stream_options") or {}
        chunked = "Transfer-Encoding: chunked\r\n" if case.wire.framing == "chunked" else "Connection: close\r\n"
        self._writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{chunked}\r\n".encode())
        if not await self._events(events(case, reply_id, asked=bool(asked.get("include_usage")))):
            return False
        if case.wire.framing == "chunked":
            self._writer.write(b"0\r\n\r\n")
        return case.wire.framing == "chunked"

    async def _events(self, stream: Iterator[Event]) -> bool:
        """Whether the stream came to its end as it should."""
        case = self._case
        if case.wire.cut == "whole":
            every = list(stream)
            self._send(b"".join(written(event, case.wire) for event in every))
            for event in every:
                self._sent(event)
            return True
        for number, event in enumerate(stream):
            if await self._here(number):
                return False
            if case.ends not in {"whole", "silence"} and number == case.after:
                return await self._end(event)
            if case.late and event.final:
                await asyncio.sleep(_LATE_SECONDS)
            for piece in cut(written(event, case.wire), case.wire.cut):
                self._send(piece)
                if case.wire.cut != "bytes":
                    await self._writer.drain()
                    await asyncio.sleep(_GAP_SECONDS if case.pieces < _MANY else 0)
            self._sent(event)
        return True

    async def _here(self, number: int) -> bool:
        """Where the client wants to leave: wait for it, and for the gateway to let go. Whether it did."""
        if self._case.leaves != number:
            return False
        self._play.reached.set()
        return await self._left()

    async def _left(self) -> bool:
        """A gateway that reads on in spite of it gets the rest, and then that is the truth."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await self._play.left.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_NOTICE_SECONDS):
                await self._reader.read(1)
                return True
        return False

    async def _end(self, event: Event) -> bool:
        """In the way that the case says, instead of with this event."""
        case = self._case
        await self._writer.drain()
        await asyncio.sleep(_LATE_SECONDS)  # what was sent is on its way: a reset would overtake it
        match case.ends:
            case "error_event":
                self._send(written(error(case), case.wire))
                return True
            case "mid_event":
                data = written(event, case.wire)
                self._send(data[: len(data) // 4])
                await self._writer.drain()
                await asyncio.sleep(_GAP_SECONDS)
            case "stall":
                self._play.reached.set()
                await self._left()
            case "reset":
                _reset(self._writer)
            case _:
                pass
        return False

    def _send(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data) if self._case.wire.framing == "chunked" else data)

    def _sent(self, event: Event) -> None:
        play = self._play
        play.sent_events += 1
        play.text += event.text
        if event.counts is not None:
            play.counts, play.final = event.counts, event.final


def _reset(writer: asyncio.StreamWriter) -> None:
    """A reset instead of an end: the socket lingers for no time at all."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _whole_reply(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _read(reader: asyncio.StreamReader) -> _Request:
    """One request, with its body whole."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    method, target, _ = lines[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        return _Request(method, target.partition("?")[0], await reader.readexactly(int(headers.get("content-length", "0"))))
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return _Request(method, target.partition("?")[0], body)
