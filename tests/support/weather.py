"""Providers whose faults follow a timetable: the weather of a day, in seconds.

well       answers at once                                  slow       answers long after anybody waits for it
limited    429 with `Retry-After: 1`                        dead       hangs up when it is asked
crowded    429 without a word of when to come again         refusing   does not even listen
broken     503                                              flapping   well and dead in turn, faster than anybody recovers
"""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

Kind = Literal["well", "limited", "crowded", "broken", "slow", "dead", "refusing", "flapping"]
RETRY_AFTER = 1
_WELL_SECONDS, _SLOW_SECONDS, _FLAP_SECONDS = 0.01, 2.5, 0.35
_WORDS = ("The ", "weather ", "is ", "fine.")


@dataclass(frozen=True)
class Spell:
    """`begin` and `end` in seconds after the day began."""

    kind: Kind
    begin: float
    end: float


@dataclass(frozen=True)
class Call:
    """A request as it came, at `at` seconds of the day."""

    at: float
    kind: Kind
    request_id: str


class Station:
    """One provider. Its port stays its own, also while nobody listens."""

    def __init__(self, name: str, spells: Sequence[Spell]) -> None:
        self.name, self.spells = name, tuple(spells)
        self.calls: list[Call] = []
        self.began = time.monotonic()
        self._held = _socket(0)
        self.port: int = self._held.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def kind(self, at: float) -> Kind:
        for spell in self.spells:
            if spell.begin <= at < spell.end:
                flap = "well" if int((at - spell.begin) / _FLAP_SECONDS) % 2 else "dead"
                return flap if spell.kind == "flapping" else spell.kind
        return "well"

    def well_throughout(self, begin: float, end: float) -> bool:
        return not any(spell.begin < end and begin < spell.end for spell in self.spells)

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=_socket(self.port))

    def deafen(self) -> None:
        """No more connections, and an end to those that are there."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def keep_hours(self) -> None:
        """Listen or not, as the timetable says."""
        for spell in self.spells:
            if spell.kind == "refusing":
                await asyncio.sleep(self.began + spell.begin - time.monotonic())
                self.deafen()
                await asyncio.sleep(self.began + spell.end - time.monotonic())
                await self.listen()

    def leave(self) -> None:
        self.deafen()
        self._held.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer(reader, writer):
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays."""
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        at = time.monotonic() - self.began
        kind = self.kind(at)
        self.calls.append(Call(at, kind, headers.get("x-request-id", "")))
        if kind in {"dead", "refusing"}:
            return False
        await asyncio.sleep(_SLOW_SECONDS if kind == "slow" else _WELL_SECONDS)
        writer.write(_reply(kind, body))
        return True


class Weather:
    """Stations in a thread of their own; the day begins with `begin`, the end of the block ends everything."""

    def __init__(self, stations: Sequence[Station]) -> None:
        self.stations = stations
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        for station in self.stations:
            asyncio.run_coroutine_threadsafe(station.listen(), self._loop).result()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def begin(self) -> float:
        """The moment at which the day began."""
        now = time.monotonic()
        for station in self.stations:
            station.began = now
            station.calls.clear()
            asyncio.run_coroutine_threadsafe(station.keep_hours(), self._loop)
        return now

    async def _end(self) -> None:
        for station in self.stations:
            station.leave()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _socket(port: int) -> socket.socket:
    """Bound, and no other program may have the port while any of these is."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    return made


def _reply(kind: Kind, body: dict[str, Any]) -> bytes:
    if kind == "broken":
        return _whole(503, {"error": {"message": "broken"}})
    if kind in {"limited", "crowded"}:
        return _whole(429, {"error": {"message": kind}}, f"Retry-After: {RETRY_AFTER}\r\n" if kind == "limited" else "")
    base = {"id": "chatcmpl-weather", "created": 1_700_000_000, "model": body["model"]}
    usage = {"prompt_tokens": 5, "completion_tokens": len(_WORDS), "total_tokens": 5 + len(_WORDS)}
    if not body.get("stream"):
        message = {"role": "assistant", "content": "".join(_WORDS)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return _whole(200, {**base, "object": "chat.completion", "choices": [choice], "usage": usage})
    return b"".join(_stream({**base, "object": "chat.completion.chunk"}, usage))


def _whole(status: int, value: object, headers: str = "") -> bytes:
    text = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} Weather\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n{headers}\r\n"
    return head.encode() + text


def _stream(base: dict[str, Any], usage: dict[str, int]) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 Weather\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    for word in _WORDS:
        yield _event({**base, "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
    yield _event({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
    yield _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def _event(value: object) -> bytes:
    return _chunk(b"data: " + json.dumps(value).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
