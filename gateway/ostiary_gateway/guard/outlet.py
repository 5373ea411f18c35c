"""The answer on its way to nginx: not begun, or begun and then to be ended or broken off."""

import os

from aiohttp import ClientResponse, web

from ostiary_gateway.guard.edge import COMMENT, Edge
from ostiary_gateway.guard.errors import LeftError
from ostiary_gateway.guard.headers import PROCESS, answer_headers
from ostiary_gateway.guard.order import Order
from ostiary_gateway.guard.verdict import Why, verdict

_PID = str(os.getpid())
_OWN_HEAD = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", PROCESS: _PID}
_AT_ONCE = 32 * 1024  # bytes that fit between us and nginx, so that writing them never waits


class Outlet:
    """`edge` is set from when on comments may be sent, which only an event stream can bear."""

    def __init__(self, request: web.BaseRequest, order: Order) -> None:
        self._request = request
        self._order = order
        self._response: web.StreamResponse | None = None
        self.edge: Edge | None = None

    @property
    def begun(self) -> bool:
        return self._response is not None

    async def begin(self, answer: ClientResponse) -> None:
        """With the provider's head."""
        headers = answer_headers(answer.raw_headers, translated=bool(self._order.socket))
        headers[PROCESS] = _PID
        await self._begin(web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers))

    async def comment(self) -> None:
        """Say that somebody is still there. Before the provider said anything, this decides for a stream."""
        if self._response is None:
            self.edge = Edge()
            await self._begin(web.StreamResponse(headers=_OWN_HEAD))
        if self.edge is not None and self.edge.clear:
            await self._send(COMMENT)

    def is_instant(self, piece: bytes) -> bool:
        """Whether `write` will not wait for nginx to read."""
        protocol, transport = self._request.protocol, self._request.transport
        if transport is None:
            return True
        return not protocol.writing_paused and transport.get_write_buffer_size() + len(piece) <= _AT_ONCE

    async def write(self, piece: bytes, *, is_last: bool = False) -> None:
        """Pass on a piece of the body; with the last one goes the end.

        Raises:
            LeftError: nginx is gone.
        """
        if self.edge is not None:
            self.edge.pass_on(piece)
        await self._send(piece, is_last=is_last)

    def finished(self) -> web.StreamResponse:
        if self._response is None:
            raise RuntimeError("an answer ended that was never begun")
        return self._response

    def failed(self, why: Why) -> web.StreamResponse:
        """A verdict, or, where something was sent, an end that nginx cannot take for a whole answer."""
        return verdict(self._request, self._order, why) if self._response is None else self.broken()

    def broken(self) -> web.StreamResponse:
        """Nothing more is said; what was passed on still arrives."""
        if self._request.transport is not None:
            self._request.transport.close()
        return self.finished()

    async def _begin(self, response: web.StreamResponse) -> None:
        self._response = response
        try:
            await response.prepare(self._request)
        except ConnectionError as error:
            raise LeftError from error

    async def _send(self, data: bytes, *, is_last: bool = False) -> None:
        response = self.finished()
        try:
            await (response.write_eof(data) if is_last else response.write(data))
        except ConnectionError as error:
            raise LeftError from error
