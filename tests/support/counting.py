"""A proxy before a gateway that counts: which requests came, and what each was answered, byte for byte passed on."""

import asyncio
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_HEAD = re.compile(rb"^POST (/\S*) HTTP/1\.1\r$", re.MULTILINE)
_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.MULTILINE)


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; times in seconds of a clock that only goes forward."""

    path: str
    asked: float
    status: int
    answered: float


class CountingProxy:
    """On a port of its own in a thread of its own, within the block. Clients must ask one thing after the other."""

    def __init__(self, target: str) -> None:
        at = urlsplit(target)
        self._target = at.hostname, at.port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._asked: list[tuple[str, float]] = []
        self._answered: list[tuple[int, float]] = []
        self._server: asyncio.Server | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def exchanges(self) -> list[Exchange]:
        assert len(self._asked) == len(self._answered)
        return [Exchange(*asked, *answered) for asked, answered in zip(self._asked, self._answered, strict=True)]

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._connected, "127.0.0.1", 0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ahead_reader, ahead_writer = await asyncio.open_connection(*self._target)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pump(reader, ahead_writer))
            group.create_task(self._pump(ahead_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self._asked += [(found[1].decode(), time.monotonic()) for found in _HEAD.finditer(data)]
                self._answered += [(int(found[1]), time.monotonic()) for found in _STATUS.finditer(data)]
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
