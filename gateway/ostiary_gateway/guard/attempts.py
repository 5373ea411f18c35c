"""What nginx asks of the guard: to carry attempts, and to tell what became of the replies it did not wait for."""

import asyncio
import logging
import time
from functools import partial

import msgspec
from aiohttp import ClientResponse, web

from ostiary_gateway.guard import stored
from ostiary_gateway.guard.attempt import Attempt
from ostiary_gateway.guard.drains import Drains, dispose, settle
from ostiary_gateway.guard.errors import BrokenError, LeftError, OutOfTimeError
from ostiary_gateway.guard.headers import VERDICT
from ostiary_gateway.guard.keeper import Keeper
from ostiary_gateway.guard.order import HEADER, Order, OrderError, decode
from ostiary_gateway.guard.outlet import Outlet
from ostiary_gateway.guard.patience import Patience
from ostiary_gateway.guard.provider import Ways, ask
from ostiary_gateway.guard.stateful import Conversations, RefusedError

_DRAINED = "/drained/"
_COMPLAINT_SECONDS = 60.0

log = logging.getLogger(__name__)


class Attempts:
    """The handler of the guard's server."""

    def __init__(self, ways: Ways, most_silence: float, conversations: Conversations | None = None) -> None:
        self._ways = ways
        self._most_silence = most_silence
        self._conversations = conversations
        self._complaints: dict[str, float] = {}
        self.drains = Drains()
        self.open = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        header = request.headers.get(HEADER)
        if header is None:
            return await self._answer_own(request)
        try:
            order = decode(header)
        except OrderError as error:
            log.error("an order that cannot be read: %s", error)  # noqa: TRY400 - the text is the whole story
            return web.Response(status=500, headers={VERDICT: "order"})
        self.open += 1
        try:
            if order.state is not None:
                return await self._carry_on(request, order, order.state.owner)
            return await self._carry(request, order)
        finally:
            self.open -= 1

    async def _answer_own(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/status":
            return _json({"open": self.open, "draining": self.drains.reading})
        if request.path.startswith(_DRAINED):
            told = await self.drains.told(request.path.removeprefix(_DRAINED))
            return web.Response(status=404) if told is None else _json(told)
        return web.Response(status=404)

    async def _carry_on(self, request: web.BaseRequest, order: Order, owner: str) -> web.StreamResponse:
        """A conversation: an attempt with all that was before it, or a question about what was kept."""
        kept = self._conversations
        if not order.target:
            return await stored.answer(kept, request, owner)
        if kept is None:
            return await self._carry(request, order)
        try:
            turn = await kept.begin(owner, order.maker, await request.content.read())
        except RefusedError as error:
            return stored.refusal(error)
        keeper = Keeper(partial(kept.keep, turn), kept.most) if turn.is_kept else None
        return await self._carry(request, order, turn.body, keeper)

    async def _carry(
        self, request: web.BaseRequest, order: Order, body: bytes | None = None, keeper: Keeper | None = None
    ) -> web.StreamResponse:
        """One attempt from beginning to end, whoever ends it."""
        patience = Patience.of(order, asyncio.get_running_loop().time(), self._most_silence)
        reply = self.drains.begin(order.id) if order.drain_ms > 0 and order.id else None
        asked = asyncio.create_task(ask(self._ways, request, order, body))
        asked.add_done_callback(_heed)
        outlet = Outlet(request, order)
        attempt = Attempt(asked, outlet, patience, keeper, watched=reply is not None)
        has_left = is_whole = False
        try:
            await attempt.run()
            is_whole = True
            return outlet.finished()
        except OutOfTimeError:
            return outlet.failed("timeout")
        except BrokenError as error:
            self._complain(order, error)
            return outlet.failed("connection")
        except LeftError:
            has_left = True
            return outlet.broken()
        except asyncio.CancelledError:
            has_left = True
            raise
        finally:
            if reply is not None and has_left:
                self.drains.read_on(reply, asked, attempt.seen, keeper, order.drain_ms)
            else:
                dispose(asked)
            if reply is not None and not has_left:
                settle(reply, asked, attempt.seen, last=is_whole)

    def _complain(self, order: Order, error: BrokenError) -> None:
        """Once a minute for each provider, with what a person needs to find out why; nothing of a request is in it."""
        now = time.monotonic()
        if now - self._complaints.get(order.provider, -_COMPLAINT_SECONDS) >= _COMPLAINT_SECONDS:
            self._complaints[order.provider] = now
            log.warning("provider failed: %s", error.__cause__ or error, extra={"target": order.provider})


def _heed(asked: asyncio.Task[ClientResponse]) -> None:
    """An attempt that is given up looks no more at how its question ended."""
    if not asked.cancelled():
        asked.exception()


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
