"""An HTTP filter for tests: says what it is told to, and keeps what it was asked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiohttp import web


class FilterServer:
    """`status`, `body` and `headers` are the answer; `hold` keeps it back until it is set."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, Mapping[str, str], bytes]] = []
        self.hold = asyncio.Event()
        self.answer()

    def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        self.status, self.body, self.headers = status, body, headers
        self.hold.set()

    async def _take(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, request.headers.copy(), await request.read()))
        await self.hold.wait()
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@asynccontextmanager
async def filter_server() -> AsyncIterator[FilterServer]:
    server = FilterServer()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server._take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0][:2]
    server.url = f"http://127.0.0.1:{port}"
    try:
        yield server
    finally:
        server.hold.set()
        await runner.cleanup()
