"""The running operator: who holds the lease gathers, waits for changes, and reconciles.

Every operator keeps its world up to date, so that a new leader need not wait; it lists everything once more before it writes,
because acting on half of the cluster would take keys away that are there.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ostiary_gateway.contract.settings import Settings
from ostiary_operator.api.keys import new_key
from ostiary_operator.api.limits import parse_limits
from ostiary_operator.cluster.client import Client
from ostiary_operator.cluster.errors import ClusterError, GoneError
from ostiary_operator.cluster.gateways import Gateways
from ostiary_operator.cluster.lease import Lease, Terms
from ostiary_operator.cluster.pen import Pen
from ostiary_operator.cluster.reflector import Reflector, Target
from ostiary_operator.cluster.resources import CONFIGMAPS, PODS, SECRETS, Object, Resource
from ostiary_operator.objects.bundle import Place
from ostiary_operator.objects.labels import bundle_selector
from ostiary_operator.reconcile.bundle_writer import BundleWriter
from ostiary_operator.reconcile.debounce import Alarm, Debounce
from ostiary_operator.reconcile.flow import Parts, Reconciler, Result, Rules
from ostiary_operator.reconcile.gather import Gatherer
from ostiary_operator.reconcile.key_writer import KeyWriter
from ostiary_operator.reconcile.notices import Herald
from ostiary_operator.reconcile.poller import Poller
from ostiary_operator.reconcile.reporter import Reporter
from ostiary_operator.reconcile.statements import Statements
from ostiary_operator.reconcile.statuses import StatusWriter
from ostiary_operator.reconcile.world import Shelf, World

log = logging.getLogger(__name__)
QUIET_SECONDS = 0.05
LONGEST_SECONDS = 0.2
MOST_SECONDS = 0.8  # so that a key is effective within a second even while others are applied by the thousand
_GATHER_QUIET = 1.0
_GATHER_LONGEST = 5.0
_PAUSE_MIN = 0.2
_PAUSE_MAX = 10.0


class Service:
    """`run` until cancelled. `take` is told what kopf sees; `told` hears of every reconciliation that went well.

    Raises:
        LimitsError: the setting for default limits is none.
    """

    def __init__(
        self,
        client: Client,
        settings: Settings,
        identity: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        terms: Terms | None = None,
        told: Callable[[Result], None] = lambda _: None,
    ) -> None:
        self._told = told
        self._now = now
        self._settings = settings
        place = Place(settings.namespace, settings.bundle)
        self._changes = Debounce(QUIET_SECONDS, LONGEST_SECONDS, MOST_SECONDS)
        self._stale = Debounce(_GATHER_QUIET, _GATHER_LONGEST)
        self._alarm = Alarm(self._changes)
        self._complete = False
        self.gathered = asyncio.Event()  # set when everything has been listed once
        self.world = World(self._changes.poke)
        self.lease = Lease(
            client, place.namespace, f"{place.name}-operator", identity, clock=time.monotonic, changed=self._elected, terms=terms
        )
        self.pen = Pen(client, lambda: self.lease.leading)
        self._statuses = StatusWriter(self.pen, self.world, self._changes.poke)
        self._reporter = Reporter(self._statuses, Herald(self.pen, time.monotonic))
        self._gatherer = Gatherer(client, self.world, _names(settings.watch_namespaces))
        self.statements = Statements(settings.replicas)
        self._reflectors = self._reflect(client, place, settings.gateway_selector)
        self.reconciler = Reconciler(
            Parts(
                world=self.world,
                gatherer=self._gatherer,
                keys=KeyWriter(self.pen, self.world, new_key),
                bundles=BundleWriter(self.pen, self.world, place),
                reporter=self._reporter,
                statements=self.statements,
                now=now,
                rules=Rules(
                    home=place.namespace,
                    cluster_domain=settings.cluster_domain,
                    default_limits=parse_limits(settings.default_limits),
                ),
            )
        )

    def take(self, resource: Resource, kind: str | None, item: Object) -> None:
        """An event of kopf's; without a kind it is of a listing, before which deletions may have been missed."""
        self.world.apply(resource, kind, item)
        if kind is None:
            self._stale.poke()

    def poke(self) -> None:
        """Ask for a reconciliation."""
        self._changes.poke()

    @property
    def busy(self) -> bool:
        """Whether statuses wait to be found or written."""
        return self._reporter.busy

    async def run(self) -> None:
        """Go on until cancelled; an error that ends this should end the process."""
        self._stale.poke()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.lease.run())
            tasks.create_task(self._statuses.run())
            tasks.create_task(self._reporter.run())
            tasks.create_task(self._gather())
            tasks.create_task(self._reconcile())
            tasks.create_task(self._poll())
            for reflector in self._reflectors:
                tasks.create_task(reflector.run())

    def _elected(self, leading: bool) -> None:
        log.info("this operator %s", "writes from now on" if leading else "writes no more")
        if leading:
            self._complete = False
            self.reconciler.forget()
            self.statements.forget()
            self._stale.poke()

    async def _gather(self) -> None:
        pause = _PAUSE_MIN
        first = True
        while True:
            if not first:
                await self._stale.wait()
            try:
                await self._gatherer.everything()
            except ClusterError as error:
                log.warning("not everything could be listed: %s", error)
                self._stale.poke()
                await asyncio.sleep(0 if isinstance(error, GoneError) else pause)
                pause = min(pause * 2, _PAUSE_MAX)
                continue
            first, pause = False, _PAUSE_MIN
            self._complete = True
            self.gathered.set()
            self._changes.poke()

    async def _poll(self) -> None:
        """Nothing where the gateway's pods have no admin port or we no token for it."""
        settings = self._settings
        if not settings.admin_port or not settings.viewer_token_file:
            return
        async with Gateways(settings.admin_port, Path(settings.viewer_token_file)) as gateways:
            poller = Poller(
                gateways,
                self.statements,
                pods=lambda: list(self.world.pods.values()),  # a listing replaces the dictionary
                may=lambda: self.lease.leading,
                changed=self._changes.poke,
                now=self._now,
            )
            await poller.run()

    async def _reconcile(self) -> None:
        pause = _PAUSE_MIN
        while True:
            await self._changes.wait()
            if not self._ready():
                continue
            try:
                async with self._statuses.held():  # a bundle goes before the statuses of the one before
                    result = await self.reconciler.once()
                self._alarm.set(result.again)
                self._told(result)
                pause = _PAUSE_MIN
            except ClusterError as error:
                log.warning("not everything could be written, trying again in %.1f s: %s", pause, error)
                self._alarm.set(pause)
                pause = min(pause * 2, _PAUSE_MAX)

    def _ready(self) -> bool:
        return self.lease.leading and self._complete and all(reflector.listed.is_set() for reflector in self._reflectors)

    def _reflect(self, client: Client, place: Place, selector: str) -> list[Reflector]:
        secret = f"metadata.name={place.credentials}"
        targets = (
            (Target(CONFIGMAPS, place.namespace, labels=bundle_selector(place.name)), self.world.shelves[CONFIGMAPS]),
            (Target(SECRETS, place.namespace, fields=secret), self.world.own_secrets),
            (Target(PODS, place.namespace, labels=selector), self.world.shelves[PODS]),
        )

        def reflector(target: Target, shelf: Shelf) -> Reflector:
            def replace(items: list[Object], version: int) -> None:
                shelf.replace(items, version)
                self._changes.poke()

            def apply(kind: str, item: Object) -> None:
                if shelf.apply(kind, item):
                    self._changes.poke()

            return Reflector(client, target, replace=replace, apply=apply)

        return [reflector(target, shelf) for target, shelf in targets]


def _names(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]
