"""A whole sidecar on real sockets, with a control socket that behaves as nginx's does."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from tests.support.process import free_port
from tests.unit.server.purses import Purses
from tests.unit.server.shared_state import SharedState

from ostiary_gateway.bundle.folder import publish
from ostiary_gateway.contract.bundle import UPSTREAMS, Bundle, digest
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.server.app import Sidecar
from ostiary_gateway.server.control import Control


class Nginx:
    """Keeps the generations it was told. `put` writes what the supervisor would report."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self.told: list[str] = []
        self.generation = ""
        self.in_flight = 0
        self.issued = 0
        self.backends = SharedState()
        self.purses = Purses()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/generation", self._take)
        app.router.add_get("/status", self._status)
        app.router.add_get("/health", self.backends.get)
        app.router.add_post("/health", self.backends.post)
        app.router.add_get("/purses", self.purses.get)
        app.router.add_post("/purses", self.purses.post)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self._run / "control.sock")).start()

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    def put(self, upstreams: bytes, problem: str = "") -> None:
        report = {"epoch": "e1", "pid": 1, "upstreams": digest(upstreams), "problem": problem}
        (self._run / "nginx.json").write_text(json.dumps(report))

    async def _take(self, request: web.Request) -> web.Response:
        self.generation = await request.text()
        self.told.append(self.generation)
        return web.Response(status=204)

    async def _status(self, _: web.Request) -> web.Response:
        status = {"epoch": "e1", "generation": self.generation, "in_flight": self.in_flight, "issued": self.issued}
        return web.json_response({**status, "workers": [1]})


class Rig:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.run = Path(settings.run)
        self.nginx = Nginx(self.run)
        self.url = f"http://127.0.0.1:{settings.sidecar_port}"
        self.metrics_url = f"http://127.0.0.1:{settings.metrics_port}"
        self.unix: aiohttp.ClientSession
        self.tcp: aiohttp.ClientSession
        self.sidecar: Sidecar

    def publish(self, bundle: Bundle) -> None:
        """As `ostiary run` does, with an nginx that has the upstreams at once."""
        self.nginx.put(bundle.files[UPSTREAMS])
        publish(self.run, bundle)

    async def use(self, bundle: Bundle) -> None:
        """Publish, and wait until nginx has been told."""
        self.publish(bundle)
        await eventually(lambda: self.nginx.generation == bundle.digest)

    async def ask(self, target: str, key: str, surface: str = "managed") -> Any:
        body = {"key": key, "surface": surface, "target": target}
        async with self.unix.post("http://sidecar/auth", json=body) as answer:
            assert answer.status == 200
            return await answer.json()

    async def get(self, path: str, base: str = "", **options: Any) -> tuple[int, str]:
        async with self.tcp.get((base or self.url) + path, **options) as answer:
            return answer.status, await answer.text()

    async def ready(self) -> dict[str, str]:
        return msgspec.json.decode((await self.get("/readyz"))[1])

    def ledger(self) -> list[dict[str, Any]]:
        lines = [path.read_text() for path in sorted((Path(self.settings.data) / "ledger").glob("usage-*.jsonl"))]
        return [json.loads(line) for line in "".join(lines).splitlines()]


async def eventually(found: Callable[[], Any], seconds: float = 10.0) -> Any:
    """The first true value of `found` (which may be a coroutine function)."""
    async with asyncio.timeout(seconds):
        while True:
            result = found()
            result = await result if isinstance(result, Awaitable) else result
            if result:
                return result
            await asyncio.sleep(0.01)


@asynccontextmanager
async def rig(folder: Path, **settings: Any) -> AsyncIterator[Rig]:
    """A sidecar that has its sockets open; it is stopped as SIGTERM would, which drains the ledger."""
    chosen = {"sidecar_port": free_port(), "metrics_port": free_port(), "metrics_host": "127.0.0.1", **settings}
    made = Rig(Settings(run=str(folder / "run"), data=str(folder / "data"), **chosen))
    made.run.mkdir()
    await made.nginx.start()
    stop = asyncio.Event()
    unix = aiohttp.UnixConnector(path=str(made.run / "sidecar.sock"))
    async with (
        Control(made.run / "control.sock") as control,
        aiohttp.ClientSession(connector=unix) as made.unix,
        aiohttp.ClientSession() as made.tcp,
    ):
        made.sidecar = Sidecar(made.settings, control)
        task = asyncio.create_task(made.sidecar.live_until(stop))
        try:
            await eventually(lambda: _answers(made))
            yield made
        finally:
            stop.set()
            await task
            await made.nginx.stop()


async def _answers(made: Rig) -> bool:
    try:
        return (await made.get("/healthz", made.metrics_url))[0] == 200
    except aiohttp.ClientError:
        return False
