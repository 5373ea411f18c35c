"""Everything that the sidecar does about limits and budgets, put together."""

import asyncio
from collections.abc import Callable, Sequence

from ostiary_gateway.contract.record import Record
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.decide.index import Index
from ostiary_gateway.ledger import Settlements
from ostiary_gateway.limits.allowances import Allowances, LocalAllowances
from ostiary_gateway.limits.terms import Limit, budget_limit, limits_of
from ostiary_gateway.limits.treasury import Told
from ostiary_gateway.server.accounts import Accounts
from ostiary_gateway.server.control import Control
from ostiary_gateway.server.holder import LoadingHolder
from ostiary_gateway.server.leases import Leases
from ostiary_gateway.server.ledger_port import SumsPort
from ostiary_gateway.server.live import Live
from ostiary_gateway.server.shared_allowances import SharedAllowances
from ostiary_gateway.server.statement import Statement
from ostiary_gateway.telemetry.metrics import Metrics
from ostiary_gateway.usage import count_tokens


class Limiting:
    """`problem` says why replicas do not share limits by need; empty is fine."""

    def __init__(self, settings: Settings, control: Control, live: Live, ledger: SumsPort, metrics: Metrics) -> None:
        """Raises SettingsError where `valkey_url` is no such URL."""
        self._live = live
        self._shared = SharedAllowances(settings, metrics.registry) if settings.valkey_url else None
        allowances: Allowances = self._shared or LocalAllowances(settings.replicas, _ordinal(settings.pod_name))
        self._accounts = Accounts(control, ledger, allowances)
        if self._shared:
            self._shared.holder = LoadingHolder(self._accounts, live)
            self._shared.on_told = self._accounts.told
        self.leases = Leases(live, self._accounts, metrics.limits, count_tokens, wait_seconds=settings.lease_wait_seconds)
        self.statement = Statement(live, self._accounts, ledger, metrics.limits)
        self._changed = asyncio.Event()

    @property
    def problem(self) -> str:
        return self._accounts.allowances.problem

    async def run(self) -> None:
        """Keep the accounts true, until cancelled; before there is a bundle there are none."""
        await self._changed.wait()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._accounts.run())
            tasks.create_task(self._relimit())
            if self._shared:
                tasks.create_task(self._shared.run())

    async def leave(self) -> None:
        """Let the other replicas have what this one does not need."""
        if self._shared:
            await self._shared.leave()

    def taken(self) -> None:
        """Another bundle is in use."""
        self._changed.set()

    def committed(self, records: Sequence[Record]) -> None:
        """These are in the ledger."""
        if self._shared:
            self._shared.note(records)
        self.statement.note(records)

    def settled(self, more: Settlements) -> None:
        """The sums of the ledger have grown by this."""
        if more.rebuilt:
            self._accounts.rebuilt()
            self.statement.rebuilt()
            return
        self._accounts.settled(Told(more.sequence, more.spent, more.settled, more.truths))
        if self._shared:
            self._shared.settled()
        self.statement.settled(more.sequence, more.spent, more.last_used)

    async def _relimit(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            index = self._live.index
            if index:
                await self._accounts.relimit(_limits_of(index))


def _limits_of(index: Index) -> Callable[[Limit], Limit | None]:
    """What a limit is by this index; None where there is no such limit any more."""

    def now(limit: Limit) -> Limit | None:
        if not limit.key_id:
            budget = index.budgets.get(limit.fold.removeprefix("budget/"))
            return budget_limit(limit.fold, budget) if budget else None
        key = index.key(limit.key_id)
        found = limits_of(limit.key_id, key.terms, index.budgets, limit.model) if key else ()
        return next((one for one in found if one.purse == limit.purse), None)

    return now


def _ordinal(pod_name: str) -> int:
    """The number of a replica of a StatefulSet; 0 for others."""
    number = pod_name.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
