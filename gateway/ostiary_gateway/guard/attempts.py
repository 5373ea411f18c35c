"""What nginx asks of the guard: to carry attempts, and to tell what became of the replies it did not wait for."""

import asyncio
import logging
import time

import msgspec
from aiohttp import ClientResponse, ClientSession, web

from ostiary_gateway.guard.attempt import Attempt
from ostiary_gateway.guard.drains import Drains, dispose, settle
from ostiary_gateway.guard.errors import BrokenError, LeftError, OutOfTimeError
from ostiary_gateway.guard.headers import VERDICT
from ostiary_gateway.guard.order import HEADER, Order, OrderError, decode
from ostiary_gateway.guard.outlet import Outlet
from ostiary_gateway.guard.patience import Patience
from ostiary_gateway.guard.provider import ask

_DRAINED = "/drained/"
_COMPLAINT_SECONDS = 60.0

log = logging.getLogger(__name__)


class Attempts:
    """The handler of the guard's server."""

    def __init__(self, session: ClientSession, most_silence: float) -> None:
        self._session = session
        self._most_silence = most_silence
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

    async def _carry(self, request: web.BaseRequest, order: Order) -> web.StreamResponse:
        """One attempt from beginning to end, whoever ends it."""
        patience = Patience.of(order, asyncio.get_running_loop().time(), self._most_silence)
        reply = self.drains.begin(order.id) if order.drain_ms > 0 and order.id else None
        asked = asyncio.create_task(ask(self._session, request, order))
        asked.add_done_callback(_heed)
        outlet = Outlet(request)
        attempt = Attempt(asked, outlet, patience, watched=reply is not None)
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
                self.drains.read_on(reply, asked, attempt.seen, order.drain_ms)
            else:
                dispose(asked)
            if reply is not None and not has_left:
                settle(reply, asked, attempt.seen, last=is_whole)

    def _complain(self, order: Order, error: BrokenError) -> None:
        """Once a minute for each provider, with what a person needs to find out why; nothing of a request is in it."""
        now = time.monotonic()
        if now - self._complaints.get(order.target, -_COMPLAINT_SECONDS) >= _COMPLAINT_SECONDS:
            self._complaints[order.target] = now
            log.warning("provider failed: %s", error.__cause__ or error, extra={"target": order.target})


def _heed(asked: asyncio.Task[ClientResponse]) -> None:
    """An attempt that is given up looks no more at how its question ended."""
    if not asked.cancelled():
        asked.exception()


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
