"""Asking every replica for its statement, every few seconds: what the statuses say of money is never much older."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from ostiary_operator.cluster.errors import ClusterError
from ostiary_operator.cluster.gateways import Gateways
from ostiary_operator.reconcile.statements import ReportError, Statements, read
from ostiary_operator.reconcile.together import together

log = logging.getLogger(__name__)
EVERY_SECONDS = 5.0


class Poller:
    """`pods` gives the gateway's pods, `may` whether this operator tells statuses, `changed` hears of news."""

    def __init__(
        self,
        gateways: Gateways,
        statements: Statements,
        *,
        pods: Callable[[], Iterable[Mapping[str, Any]]],
        may: Callable[[], bool],
        changed: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._gateways = gateways
        self._statements = statements
        self._pods = pods
        self._may = may
        self._changed = changed
        self._now = now
        self._silent: set[str] = set()

    async def run(self, every: float = EVERY_SECONDS) -> None:
        """Go on until cancelled, whatever the replicas answer."""
        while True:
            if self._may():
                await self.once()
            await asyncio.sleep(every)

    async def once(self) -> None:
        """Ask all replicas at the same time."""
        addresses = dict(filter(None, map(_address, self._pods())))
        await together([self._ask(name, address) for name, address in addresses.items() if address])
        if self._statements.settle(addresses.keys(), self._now()):
            self._changed()

    async def _ask(self, name: str, address: str) -> None:
        try:
            content = await self._gateways.statement(address, self._statements.cursor(name))
            self._statements.hear(name, read(content))
        except (ClusterError, ReportError) as error:
            if name not in self._silent:
                log.warning("%s tells no statement: %s", name, error)
            self._silent.add(name)
            return
        self._silent.discard(name)


def _address(pod: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name and IP address, which is empty while the pod has none; None for a pod that is on its way out."""
    if pod["metadata"].get("deletionTimestamp"):
        return None
    return pod["metadata"]["name"], (pod.get("status") or {}).get("podIP", "")
