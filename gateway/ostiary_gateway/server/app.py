"""The sidecar's process: wires source, index, ledger and endpoints together, and ends them in the right order."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop
from aiohttp import web
from prometheus_client import disable_created_metrics

from ostiary_gateway.contract.record import Record
from ostiary_gateway.contract.settings import Settings, SettingsError, load
from ostiary_gateway.decide.index import Index, Sources
from ostiary_gateway.keystore import configured
from ostiary_gateway.ledger import Ledger, Settlements
from ostiary_gateway.responses.opening import open_store
from ostiary_gateway.responses.store import ResponseStoreError
from ostiary_gateway.server import filtering, logs, routes
from ostiary_gateway.server.accountant import Accountant
from ostiary_gateway.server.authorise import Authorisation
from ostiary_gateway.server.backends import Backends
from ostiary_gateway.server.control import Control, Status
from ostiary_gateway.server.health import SOURCE, Health
from ostiary_gateway.server.ledger_orders import LedgerOrders
from ostiary_gateway.server.limiting import Limiting
from ostiary_gateway.server.live import Live
from ostiary_gateway.server.models import Models
from ostiary_gateway.server.retiring import LastUses
from ostiary_gateway.server.routes import Endpoints
from ostiary_gateway.server.routing import opened
from ostiary_gateway.server.sight import Sight
from ostiary_gateway.server.source import Source
from ostiary_gateway.server.stats import Stats
from ostiary_gateway.server.tokens import Tokens
from ostiary_gateway.summaries.background import Background
from ostiary_gateway.telemetry.metrics import Metrics

SOCKET = "sidecar.sock"
CONTROL = "control.sock"
_GRACE_SECONDS = 2.0
_DATABASES = ("postgresql://", "postgres://")
_PRIVATE = 0o077  # what is written here tells who used what; the sockets answer anyone who may open them

log = logging.getLogger(__name__)


def main() -> None:
    """Run until SIGTERM or SIGINT; exit code 0 after a drained ledger, 1 with one clear line where it cannot start."""
    os.umask(_PRIVATE)
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        settings = _settings()
        uvloop.run(serve(settings))
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"sidecar: {error}\n")
        sys.exit(1)


async def serve(settings: Settings) -> None:
    """The sidecar's whole life, until SIGTERM or SIGINT.

    Raises:
        OSError: an address or the socket cannot be bound.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    run = _folder(settings)
    async with Control(run / CONTROL) as control:
        await Sidecar(settings, control).live_until(stop)


class Sidecar:
    """Everything the process consists of."""

    def __init__(self, settings: Settings, control: Control) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._accountant = Accountant(settings, lambda: self._live.index)
        self._tokens = Tokens(settings.ca_file)
        sources = Sources(
            self._accountant.prices,
            configured(settings),
            settings.default_max_output_tokens,
            keeps_responses=bool(settings.response_store),
            tokens=self._tokens.find,
        )
        self._live = Live(Path(settings.run), control, self._taken, self._acknowledge, sources)
        self.last_uses = LastUses(self._live)
        self._backends = Backends(settings, control, self._live, self._metrics)
        self._source = Source(settings, self.last_uses, self._backends.unhealthy)
        self._ledger = Ledger.open(
            settings,
            on_records=self._committed,
            on_settled=self._settled,
            accounting=self._accountant.snapshot,
            uncounted=control.uncounted,
        )
        self._limiting = Limiting(settings, control, self._live, self._ledger, self._metrics)
        self._background = Background.of(settings)

    async def live_until(self, stop: asyncio.Event) -> None:
        """Endpoints close first, then the spool is read to its end and the ledger flushed (LM-26)."""
        ledger_stop = asyncio.Event()
        ledger = asyncio.create_task(self._ledger.run(ledger_stop), name="ledger")
        try:
            async with self._sites(), asyncio.TaskGroup() as group:
                workers = [group.create_task(work) for work in (*self._work(), _never_ends(ledger))]
                log.info("sidecar started")
                await stop.wait()
                for worker in workers:
                    worker.cancel()
        finally:
            ledger_stop.set()
            await ledger
            await self._limiting.leave()
            await self._tokens.aclose()
        log.info("sidecar stopped")

    def _work(self) -> Sequence[Coroutine[None, None, None]]:
        bundles = self._live.follow(self._source.bundles())
        return (
            self._source.run(),
            bundles,
            self._live.tick(self._nginx_says),
            self._backends.run(),
            self._limiting.run(),
            self._accountant.run(),
            self._background.run(),
        )

    @asynccontextmanager
    async def _sites(self) -> AsyncIterator[None]:
        """The endpoints, on every address that the settings name."""
        settings = self._settings
        authorisation = Authorisation(self._live, self._metrics, self._tokens)
        stats = Stats(self._live, self._ledger, self._metrics)
        health = Health(self._live, self._ledger, self._metrics, self._problems())
        sight = Sight(lambda: self._backends.reported)
        registry, ca_file = self._metrics.registry, settings.ca_file
        async with (
            opened(self._live, registry, sight, ca_file) as (routing, routers),
            filtering.opened(self._live, registry, ca_file) as filters,
        ):
            limiting = self._limiting
            breakers = self._backends.circuit_breakers
            orders = LedgerOrders(settings, self._ledger)
            models = Models(self._live, self._accountant.prices, sight)
            endpoints = Endpoints(
                authorisation,
                stats,
                health,
                routing,
                routers,
                breakers,
                limiting.leases,
                limiting.statement,
                orders,
                filters,
                models,
            )
            runners = {
                "nginx": _runner(routes.make_nginx_app(endpoints)),
                "clients": _runner(routes.make_app(endpoints)),
                "metrics": _runner(routes.make_metrics_app(health)),
            }
            if settings.admin_port:
                runners["admin"] = _runner(self._admin_app())
            async with self._served(runners):
                yield

    @asynccontextmanager
    async def _served(self, runners: dict[str, web.AppRunner]) -> AsyncIterator[None]:
        settings = self._settings
        try:
            for runner in runners.values():
                await runner.setup()
            await web.UnixSite(runners["nginx"], str(Path(settings.run) / SOCKET)).start()
            await web.TCPSite(runners["clients"], settings.sidecar_host, settings.sidecar_port).start()
            if settings.metrics_port:
                await web.TCPSite(runners["metrics"], settings.metrics_host, settings.metrics_port).start()
            if settings.admin_port:
                await web.TCPSite(runners["admin"], settings.admin_host, settings.admin_port).start()
            yield
        finally:
            for runner in runners.values():
                await runner.cleanup()

    def _admin_app(self) -> web.Application:
        from ostiary_gateway.server.admin import make_admin_app  # noqa: PLC0415 - 60 ms that few sidecars need

        return make_admin_app(self._settings, self._ledger, self._limiting.statement)

    def _problems(self) -> dict[str, Callable[[], str]]:
        """What else may be wrong, by the part's name in `/readyz`."""
        sharing = {"sharing": lambda: self._backends.problem, "limits": lambda: self._limiting.problem}
        own = {
            SOURCE: lambda: self._source.problem,
            "prices": lambda: self._accountant.problem,
            "summaries": lambda: self._background.problem,
            "tokens": lambda: self._tokens.problem,
        }
        return {**own, **(sharing if self._settings.valkey_url else {})}

    def _taken(self, index: Index) -> None:
        self._tokens.follow(index.service_accounts)
        self._metrics.bundle_in_use(index.digest, len(index), index.document.providers)
        self._limiting.taken()

    async def _acknowledge(self, digest: str) -> None:
        await self._source.acknowledge(digest)

    def _nginx_says(self, status: Status) -> None:
        self._ledger.reconcile(status.epoch, status.issued, status.in_flight)

    def _committed(self, records: Sequence[Record]) -> None:
        for record in records:
            self._metrics.committed(record)
            self.last_uses.note(record)
        self._limiting.committed(records)

    def _settled(self, more: Settlements) -> None:
        self._limiting.settled(more)


def _folder(settings: Settings) -> Path:
    run = Path(settings.run)
    run.mkdir(parents=True, exist_ok=True)
    return run


def _runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(app, access_log=None, shutdown_timeout=_GRACE_SECONDS)


async def _never_ends(ledger: asyncio.Task[None]) -> None:
    await asyncio.shield(ledger)
    raise RuntimeError("the ledger ended by itself")


def _settings() -> Settings:
    config = os.environ.get("OSTIARY_CONFIG", "")
    settings = load(os.environ, Path(config).read_text(encoding="utf-8") if config else "")
    try:
        logs.configure(settings.log_level)
    except ValueError as error:
        raise SettingsError(f"log_level: {error}") from error
    if settings.summary_url and not settings.summary_url.startswith(_DATABASES):  # TP-23; one that is away stops nobody
        raise SettingsError(f"Failed to initialize database: summary_url: begins with none of {', '.join(_DATABASES)}")
    try:
        open_store(settings.response_store)
    except ResponseStoreError as error:
        raise SettingsError(str(error)) from None
    return settings
