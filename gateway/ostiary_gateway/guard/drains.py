"""Replies of providers whose usage is wanted even where the client leaves: read on to their end, and told to nginx."""

import asyncio
from contextlib import suppress

from aiohttp import ClientError, ClientResponse
from aiohttp.http import HttpProcessingError

from ostiary_gateway.guard.keeper import Keeper
from ostiary_gateway.guard.witness import Told, Witness, tell, witness

_KEPT_SECONDS = 60.0  # nginx asks at once; this is for one that is slow
_NOTHING = Told(last=False, stream=False, model=None, usage=())
_MS = 0.001

Reply = asyncio.Future[Told]


class Drains:
    """By the id of the request in the ledger; of several attempts of one request the last counts."""

    def __init__(self) -> None:
        self._replies: dict[str, Reply] = {}
        self._reading: set[asyncio.Task[None]] = set()

    @property
    def reading(self) -> int:
        return len(self._reading)

    def begin(self, request_id: str) -> Reply:
        """A reply is going to be told by this id; it must be, sooner or later."""
        loop = asyncio.get_running_loop()
        reply: Reply = loop.create_future()
        reply.add_done_callback(lambda told: loop.call_later(_KEPT_SECONDS, self._forget, request_id, told))
        self._replies[request_id] = reply
        return reply

    async def told(self, request_id: str) -> Told | None:
        """The usage of a reply as soon as it is known; None if there never was such a request, or long ago."""
        known = self._replies.get(request_id)
        return None if known is None else await asyncio.shield(known)

    def read_on(
        self, reply: Reply, asked: asyncio.Task[ClientResponse], seen: Witness | None, keeper: Keeper | None, drain_ms: float
    ) -> None:
        """Go on with a reply that nobody waits for; it is kept all the same."""
        task = asyncio.create_task(_read_on(reply, asked, seen, keeper, drain_ms * _MS))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    def _forget(self, request_id: str, reply: Reply) -> None:
        if self._replies.get(request_id) is reply:
            del self._replies[request_id]


def settle(reply: Reply, asked: asyncio.Task[ClientResponse], seen: Witness | None, *, last: bool) -> None:
    """Tell what was seen of a reply of which no more comes."""
    if reply.done():
        return
    is_there = seen is not None and asked.done() and not asked.cancelled() and asked.exception() is None
    if seen is None or not is_there:
        reply.set_result(_NOTHING)
        return
    reply.set_result(tell(seen, asked.result().headers.get("Content-Type", ""), last=last))


async def _read_on(
    reply: Reply, asked: asyncio.Task[ClientResponse], seen: Witness | None, keeper: Keeper | None, seconds: float
) -> None:
    last = False
    try:
        with suppress(ClientError, HttpProcessingError, OSError):
            async with asyncio.timeout(seconds):
                answer = await asked
                if seen is None:
                    seen = witness(answer.headers.get("Content-Type", ""))
                    if keeper is not None:
                        keeper.begin(answer)
                while piece := await answer.content.readany():
                    seen.see(piece)
                    if keeper is not None:
                        await keeper.passed(piece)
                last = True
                if keeper is not None:
                    await keeper.passed(b"", is_last=True)
    finally:
        settle(reply, asked, seen, last=last)
        dispose(asked)


def dispose(asked: asyncio.Task[ClientResponse]) -> None:
    """Leave no connection behind: one whose answer came to its end is in the pool already, any other is closed."""
    if not asked.done():
        asked.cancel()
    elif not asked.cancelled() and asked.exception() is None:
        asked.result().close()
