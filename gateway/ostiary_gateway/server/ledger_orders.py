"""What `ostiary ledger` asks of a running sidecar, on its unix socket: nobody else may write the ledger."""

from pathlib import Path

import msgspec
from aiohttp import web

from ostiary_gateway.contract.record import Posting
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger import Ledger, LedgerError
from ostiary_gateway.ledger.pump import SCRATCH

_posting = msgspec.json.Decoder(Posting)


class LedgerOrders:
    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._scratch = Path(settings.data) / "ledger" / SCRATCH
        self._ledger = ledger

    def add_to(self, app: web.Application) -> None:
        app.router.add_post("/ledger/post", self.post)
        app.router.add_post("/ledger/rebuild", self.rebuild)

    async def post(self, request: web.Request) -> web.Response:
        """Write a posting: 204 once it is committed, 400 if it is none, 503 if it cannot be written now."""
        try:
            posting = _posting.decode(await request.read())
            await self._ledger.post(posting)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return web.Response(status=400, text=str(error))
        except LedgerError as error:
            return web.Response(status=503, text=str(error))
        return web.Response(status=204)

    async def rebuild(self, _: web.Request) -> web.Response:
        """Take over what was counted into the scratch file: 204, or 503 with why not."""
        try:
            await self._ledger.rebuild(self._scratch)
        except LedgerError as error:
            return web.Response(status=503, text=str(error))
        return web.Response(status=204)
