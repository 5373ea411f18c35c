"""An admin API on a real socket, over a folder or an API server, with a ledger in a folder."""

import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
from aiohttp import web
from tests.support.process import free_port

from ostiary_gateway.admin.app import make_app
from ostiary_gateway.admin.auth import Gate, Reviewer
from ostiary_gateway.admin.folder import Folder
from ostiary_gateway.admin.money import Money
from ostiary_gateway.admin.resources import Resources
from ostiary_gateway.admin.standing import Standing
from ostiary_gateway.admin.usage import Usage
from ostiary_gateway.contract.record import Posting
from ostiary_gateway.ledger import LedgerError, postings
from ostiary_gateway.summaries import Summaries

if TYPE_CHECKING:
    from ostiary_gateway.admin.pages import End

ADMIN, VIEWER = "admin-token-of-the-test", "viewer-token-of-the-test"


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


class Till:
    """A ledger that keeps what is posted, until it is full."""

    def __init__(self) -> None:
        self.posted: list[Posting] = []
        self.full = False

    async def post(self, posting: Posting) -> None:
        if self.full:
            raise LedgerError("the disk is full")
        self.posted.append(posting)


class Told:
    """A statement; `asked` are the cursors that it was asked with."""

    def __init__(self, unpriced: Sequence[str] = ()) -> None:
        self._unpriced = unpriced
        self.asked: list[str] = []

    def since(self, cursor: str) -> bytes:
        self.asked.append(cursor)
        return json.dumps({"cursor": f"c{len(self.asked)}", "keys": {}, "budgets": {}}).encode()

    def unpriced(self) -> Sequence[str]:
        return self._unpriced


class Rig:
    def __init__(self, folder: Path) -> None:
        self.manifests, self.run, self.data = folder / "manifests", folder / "run", folder / "data"
        self.ledger = self.data / "ledger"
        for each in (self.manifests, self.run, self.ledger):
            each.mkdir(parents=True, exist_ok=True)
        self.tokens = {"admin": folder / "admin-token", "viewer": folder / "viewer-token"}
        self.tokens["admin"].write_text(f"{ADMIN}\n")
        self.tokens["viewer"].write_text(VIEWER)
        self.till, self.told = Till(), Told(["b/two", "a/one", "c/three"])
        self.end: End | None = None
        self.url = ""
        self.session: aiohttp.ClientSession

    def app(self, resources: Resources | None = None, reviewer: Reviewer | None = None) -> web.Application:
        gate = Gate(str(self.tokens["admin"]), str(self.tokens["viewer"]), reviewer)
        objects = resources or Folder(self.manifests, Standing(self.run).of)
        used = Usage(Summaries(self.ledger), self.ledger, lambda: self.end)
        return make_app(
            gate, objects, "default", used, Money(postings.new, self.till.post, self.told, self.ledger, lambda: self.end)
        )

    async def ask(
        self, method: str, path: str, body: object = None, *, token: str = ADMIN, headers: Mapping[str, str] | None = None
    ) -> Reply:
        given = {"Authorization": f"Bearer {token}"} if token else {}
        kind = {"Content-Type": "application/json"} if body is not None else {}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        options: Any = {"data": io.BytesIO(data) if data else data, "headers": {**given, **kind, **(headers or {})}}
        async with self.session.request(method, f"{self.url}/admin{path}", **options) as answer:
            return Reply(answer.status, answer.headers, await answer.text())

    async def get(self, path: str, **options: Any) -> Any:
        reply = await self.ask("GET", path, **options)
        assert reply.status == 200, reply
        return reply.json


@asynccontextmanager
async def serving(rig: Rig, resources: Resources | None = None, reviewer: Reviewer | None = None) -> AsyncIterator[Rig]:
    runner = web.AppRunner(rig.app(resources, reviewer), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    rig.url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as rig.session:
            yield rig
    finally:
        await runner.cleanup()
