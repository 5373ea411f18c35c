"""One attempt, told once: wait for the head, pass on the body, keep to the limits."""

import asyncio
import math
from contextlib import suppress

from aiohttp import ClientError, ClientResponse
from aiohttp.http import HttpProcessingError

from ostiary_gateway.guard.edge import Edge
from ostiary_gateway.guard.errors import BrokenError, OutOfTimeError
from ostiary_gateway.guard.keeper import Keeper
from ostiary_gateway.guard.outlet import Outlet
from ostiary_gateway.guard.patience import Patience
from ostiary_gateway.guard.witness import Witness, is_event_stream, witness

_OK = 200
_LAST_WORD = b"data: [DONE]"
_LAST_WORD_BYTES = 16
_END_SECONDS = 0.02
_TROUBLE = (ClientError, HttpProcessingError, OSError)


class Attempt:
    """`seen` looks at the reply, from its head on, if that is asked for. A keeper says what of it may be passed on."""

    def __init__(
        self, asked: asyncio.Task[ClientResponse], outlet: Outlet, patience: Patience, keeper: Keeper | None, *, watched: bool
    ) -> None:
        self._asked = asked
        self._outlet = outlet
        self._patience = patience
        self._keeper = keeper
        self._watched = watched
        self._now = asyncio.get_running_loop().time
        self._heard = self._now()  # when the provider last said something
        self._commented = self._heard
        self._passed = False  # whether anything of the body has been
        self._ended = False  # whether the last piece has been passed on as such
        self.seen: Witness | None = None

    async def run(self) -> None:
        """Until the whole answer has been passed on.

        Raises:
            AttemptError: it was not.
        """
        try:
            await self._await_head()
            answer = self._asked.result()
            await self._begin(answer)
            await self._pass_body(answer)
        except _TROUBLE as error:
            raise BrokenError(type(error).__name__) from error

    async def _await_head(self) -> None:
        limit = min(self._patience.head, self._patience.body)
        while True:
            comment = self._commented + self._patience.comment
            await asyncio.wait({self._asked}, timeout=max(min(limit, comment) - self._now(), 0))
            if self._asked.done():
                return
            now = self._now()
            if now >= limit:
                raise OutOfTimeError
            if now >= comment:
                self._commented = now
                await self._outlet.comment()

    async def _begin(self, answer: ClientResponse) -> None:
        content_type = answer.headers.get("Content-Type", "")
        is_stream = is_event_stream(content_type) and "Content-Encoding" not in answer.headers
        if self._watched:
            self.seen = witness(content_type)
        if self._keeper is not None:
            self._keeper.begin(answer)
        if self._outlet.begun:
            if answer.status != _OK or not is_stream:
                raise BrokenError("the answer does not fit the stream that was begun")
        elif not self._patience.may_give_up_before_body:
            await self._outlet.begin(answer)
        self._outlet.edge = Edge() if is_stream else None
        self._heard = self._now()

    async def _pass_body(self, answer: ClientResponse) -> None:
        """The timer covers many pieces: it is set anew when it has run out, not with each of them."""
        while True:
            try:
                async with asyncio.timeout_at(self._wake()) as alarm:
                    while piece := await answer.content.readany():
                        await self._pass_on(answer, piece, alarm)
                    break
            except TimeoutError:
                if not alarm.expired():
                    raise
            await self._woken(answer)
        if not self._outlet.begun:
            await self._outlet.begin(answer)
        if self._keeper is not None and not self._ended:
            await self._outlet.write(await self._keeper.passed(b"", is_last=True), is_last=True)

    async def _pass_on(self, answer: ClientResponse, piece: bytes, alarm: asyncio.Timeout) -> None:
        if self.seen is not None:
            self.seen.see(piece)
        if not self._passed:
            self._passed = True
            if not self._outlet.begun:
                await self._outlet.begin(answer)
        if piece[-_LAST_WORD_BYTES:].rstrip().endswith(_LAST_WORD):
            await _end_of(answer)
        is_last = self._ended = answer.content.at_eof()
        if self._keeper is not None:
            alarm.reschedule(self._patience.end)  # the store sets itself a limit
            piece = await self._keeper.passed(piece, is_last=is_last)
        elif self._outlet.is_instant(piece):
            await self._outlet.write(piece, is_last=is_last)
            self._heard = self._now()
            return
        alarm.reschedule(self._patience.end)  # while nginx does not read, it is not the provider who is silent
        if piece or is_last:
            await self._outlet.write(piece, is_last=is_last)
        self._heard = self._now()
        alarm.reschedule(self._wake())

    def _wake(self) -> float:
        """When something is to be done if nothing arrives until then."""
        return min(self._limit(), self._next_comment())

    def _limit(self) -> float:
        return min(self._patience.end if self._passed else self._patience.body, self._heard + self._patience.silence)

    def _next_comment(self) -> float:
        if self._outlet.edge is None:
            return math.inf
        return max(self._heard, self._commented) + self._patience.comment

    async def _woken(self, answer: ClientResponse) -> None:
        now = self._now()
        if now >= self._limit():
            raise OutOfTimeError
        if now >= self._next_comment():
            self._commented = now
            if not self._outlet.begun:
                await self._outlet.begin(answer)
            await self._outlet.comment()


async def _end_of(answer: ClientResponse) -> None:
    """Wait a moment for what follows the last word of a stream, which is its end.

    OpenAI's clients hang up when they have read that word, and would be taken for having left early.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await answer.content.wait_eof()
