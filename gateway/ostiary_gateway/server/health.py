"""`/healthz`, `/readyz` and `/metrics`: safe to expose, with neither keys nor secrets in them."""

import time
from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from ostiary_gateway.server.ledger_port import LedgerPort
from ostiary_gateway.server.live import Live
from ostiary_gateway.telemetry.collectors import LedgerNumbers, NginxNumbers
from ostiary_gateway.telemetry.metrics import CONTENT_TYPE, Metrics

SOURCE = "source"


class Health:
    """`problems` says in words what is wrong with other parts, by name, empty is fine; SOURCE is why bundles may not come."""

    def __init__(self, live: Live, ledger: LedgerPort, metrics: Metrics, problems: Mapping[str, Callable[[], str]]) -> None:
        self._live = live
        self._ledger = ledger
        self._metrics = metrics
        self._problems = problems
        metrics.watch_ledger(self._ledger_numbers)
        metrics.watch_nginx(self._nginx_numbers)

    async def healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def readyz(self, _: web.Request) -> web.Response:
        """503 where requests cannot be served right: no bundle, or no nginx.

        All else (a ledger that cannot be written, a newer bundle that cannot be used) is `degraded` with 200: clients
        are still served, and taking the replica away would help nobody.
        """
        live = self._live
        away = live.index is None or live.status is None
        others = {name: problem() for name, problem in self._problems.items()}
        parts = {
            "bundle": live.problem or others.pop(SOURCE, "") or ("ok" if live.index else "no bundle yet"),
            "nginx": live.nginx_problem() or "ok",
            "ledger": self._ledger.problem or "ok",
            "spool": self._ledger.spool_problem or "ok",
            **{name: problem or "ok" for name, problem in others.items()},
        }
        degraded = any(part != "ok" for part in parts.values())
        status = "unavailable" if away else "degraded" if degraded else "ready"
        body = {"status": status, "generation": live.index.digest if live.index else "", **parts}
        return web.Response(status=503 if away else 200, body=msgspec.json.encode(body), content_type="application/json")

    async def metrics(self, _: web.Request) -> web.Response:
        live, metrics = self._live, self._metrics
        metrics.bundle_age.set(time.time() - live.taken_at if live.taken_at else 0)
        metrics.bundle_problem.set(bool(live.problem))
        return web.Response(body=metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})

    def _ledger_numbers(self) -> LedgerNumbers:
        ledger, counts = self._ledger, self._ledger.counts
        has_problem = bool(ledger.problem or ledger.spool_problem)
        return LedgerNumbers(counts.lost, counts.malformed, ledger.lag_seconds, has_problem)

    def _nginx_numbers(self) -> NginxNumbers | None:
        status = self._live.status
        if status is None:
            return None
        return NginxNumbers(status.epoch, status.in_flight, status.issued, len(status.workers))
