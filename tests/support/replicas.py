"""Replicas that divide limits through a real Valkey, in one process: each with an account book as small as can be."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from prometheus_client import CollectorRegistry
from tests.support.valkey import Valkey

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.server.shared_allowances import SharedAllowances

_TRIES = 3


@dataclass
class Till:
    """A Holder: what is used, what is reserved, and what lies idle in a purse and counts until it is taken back."""

    used: dict[tuple[str, str], int] = field(default_factory=dict)
    reserved: dict[tuple[str, str], int] = field(default_factory=dict)
    idle: dict[tuple[str, str], int] = field(default_factory=dict)
    is_ready: bool = True
    gate: asyncio.Event | None = None
    costs: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def claimed(self, account: str, period: str) -> int | None:
        if (account, period) not in self.used:
            return None
        return sum(some.get((account, period), 0) for some in (self.used, self.reserved, self.idle))

    def settled(self, account: str, period: str) -> int | None:
        return self.used.get((account, period))

    async def give_back(self, account: str, period: str) -> bool:
        await asyncio.sleep(0)
        if self.gate:
            await self.gate.wait()
        self.idle.pop((account, period), None)
        return self.is_ready

    def month_cost(self, key_id: str, month: str) -> Decimal:
        return self.costs.get((key_id, month), Decimal(0))


class Replica:
    """`spend` is what a lease does: look, ask for more, look again."""

    def __init__(self, folder: Path, valkey: Valkey, replicas: int = 2) -> None:
        settings = Settings(valkey_url=valkey.url, data=str(folder), replicas=replicas)
        self.registry = CollectorRegistry()
        self.shared = SharedAllowances(settings, self.registry)
        self.till = self.shared.holder = Till()
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.shared.run())

    async def kill(self) -> None:
        if self.task:
            self.task.cancel()
            await asyncio.wait({self.task})

    async def spend(self, account: str, limit: int, amount: int = 1, period: str = "") -> bool:
        self.till.used.setdefault((account, period), 0)
        have = self.shared.allowed(account, period, limit)
        for _ in range(_TRIES):
            claimed = self.till.claimed(account, period) or 0
            if claimed + amount <= have:
                self.till.used[account, period] += amount
                return True
            have = await self.shared.raise_to(account, period, limit, claimed + amount, claimed)
        return False

    def number(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


@contextlib.asynccontextmanager
async def replicas(folder: Path, valkey: Valkey, count: int = 2, *, connected: bool = True) -> AsyncIterator[list[Replica]]:
    """So many, that know each other."""
    made = [Replica(folder / str(number), valkey, count) for number in range(count)]
    try:
        for each in made:
            each.start()
        if connected:
            await until(lambda: not any(each.shared.problem for each in made))
        yield made
    finally:
        for each in made:
            await each.kill()


async def until(is_so: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.01)
