"""Holds back the end of an answer until the answer is kept."""

import re
from collections.abc import Awaitable, Callable

from aiohttp import ClientResponse

from ostiary_gateway.guard.witness import is_event_stream
from ostiary_gateway.responses.answer import final
from ostiary_gateway.usage.sse import Splitter

Keep = Callable[[bytes], Awaitable[None]]

_BLANK = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LONGEST_BLANK = 4
_OK = 200
_LAST = (b"response.completed", b"response.incomplete")


class Keeper:
    """Sees all pieces of an answer in order and says which bytes may be passed on now.

    Of a stream whole events are; a reader cannot use less. Of any other answer nothing is until it is there and kept. What
    grows larger than `most` bytes (the answer, or one event) is passed on and not kept.
    """

    def __init__(self, keep: Keep, most: int) -> None:
        self._keep = keep
        self._most = most
        self._held = bytearray()
        self._searched = 0  # so much of what is held has no end of an event
        self._is_stream = False
        self._is_given_up = True

    def begin(self, answer: ClientResponse) -> None:
        """The head is there. Only answers with a status of success, and that can be read, are kept."""
        self._is_stream = is_event_stream(answer.headers.get("Content-Type", ""))
        self._is_given_up = answer.status != _OK or "Content-Encoding" in answer.headers

    async def passed(self, piece: bytes, *, is_last: bool = False) -> bytes:
        """What may be passed on now that this piece is there; with the last one, everything."""
        if self._is_given_up:
            return piece
        self._held += piece
        ready = self._whole_events() if self._is_stream else b""
        await self._look_at(ready)
        if len(self._held) > self._most:
            self._is_given_up = True
            return ready + self._released(len(self._held))
        return ready + await self._ended() if is_last else ready

    async def _ended(self) -> bytes:
        rest = self._released(len(self._held))
        if self._is_stream:
            await self._look_at(rest)
        elif rest:
            await self._keep(rest)
        return rest

    def _whole_events(self) -> bytes:
        end = 0
        for found in _BLANK.finditer(self._held, max(self._searched - _LONGEST_BLANK, 0)):
            end = found.end()
        ready = self._released(end)
        self._searched = len(self._held)
        return ready

    def _released(self, count: int) -> bytes:
        released = bytes(self._held[:count])
        del self._held[:count]
        return released

    async def _look_at(self, events: bytes) -> None:
        if not any(word in events for word in _LAST):
            return
        splitter = Splitter()
        for data in (*splitter.feed(events), *splitter.finish()):
            response = final(data)
            if response is not None:
                await self._keep(response)
