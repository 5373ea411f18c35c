"""However long nginx or the other replicas take: a lease is answered before nginx gives it up."""

import asyncio
import time

from aiohttp import web
from tests.unit.decide.bundles import entry, make, priced, terms
from tests.unit.server.purses import Purses
from tests.unit.server.rig import rig

from ostiary_gateway.contract.limits import Budget

PRICED = priced("priced", "openai/gpt-x", "1", "2")


class Stuck(Purses):
    """It is asked to give back and does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def post(self, request: web.Request) -> web.Response:
        await self.gate.wait()
        return await super().post(request)


async def test_a_lease_is_answered_in_time_where_nginx_does_not_give_back(tmp_path):
    async with rig(tmp_path, lease_wait_seconds=0) as sidecar:
        purses = sidecar.nginx.purses = Stuck()
        await sidecar.nginx.stop()
        await sidecar.nginx.start()
        await sidecar.use(make([entry(terms=terms(budget=Budget(tokens=100)))], models=(PRICED,)))
        assert (await purses.request(sidecar, "priced", {"k": 60})).shortage is None
        began = time.monotonic()
        refused = (await purses.request(sidecar, "priced", {"k": 70})).shortage
        assert time.monotonic() - began < 2  # then nginx says 503
        assert refused["refusal"]["code"] == "budget_reserved"
        assert (refused["retry_after_ms"], refused.get("hold_ms", 0)) == (1000, 0)
        purses.gate.set()
