"""Where a replica needs more than is free: it asks all others to give back what they can spare, before anything is refused."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Sequence

from ostiary_gateway.server.claims_book import Cry
from ostiary_gateway.server.holdings import Holding, Key

_CRY_SECONDS = 0.3
_QUIET_SECONDS = 0.1


class _Cries:
    """A cry for one account: who has answered it, of how many, and until when it is of no use to cry again."""

    def __init__(self) -> None:
        self.voices: set[str] = set()
        self.expected = 1
        self.heard = asyncio.Event()
        self.quiet_until = -math.inf
        self.task: asyncio.Task[None] | None = None


class Crying:
    """`outbox` is what is to be told to all, `published` has to follow."""

    def __init__(
        self, replica: str, said: Callable[[Holding], Awaitable[bool]], is_short: Callable[[Holding, int], bool]
    ) -> None:
        """`said` asks Valkey for what a holding needs, `is_short` says whether it still needs more than it has."""
        self._replica = replica
        self._said = said
        self._is_short = is_short
        self._under_way: dict[Key, _Cries] = {}
        self.outbox: list[Cry] = []

    async def until_given(self, holding: Holding) -> None:
        """One cry for all who wait for the same: until it is enough, all have answered, or 300 ms are over."""
        cries = self._under_way.get(holding.key)
        if cries is None:
            cries = self._under_way[holding.key] = _Cries()
            cries.task = asyncio.create_task(self._cry(holding, cries))
        if cries.task and cries.quiet_until < time.monotonic():
            await asyncio.wait({cries.task})

    def answer(self, cry: Cry) -> None:
        """Say that what could be given for a cry was given."""
        self.outbox.append(Cry(self._replica, cry.account, cry.period, cry.limit, is_given=True))

    def heard(self, cry: Cry) -> None:
        """Another replica has answered."""
        if cries := self._under_way.get((cry.account, cry.period)):
            cries.voices.add(cry.origin)
            cries.heard.set()

    def published(self, cries: Sequence[Cry], listeners: Sequence[int]) -> None:
        """So many hear each of these, this replica included."""
        for cry, count in zip(cries, listeners, strict=True):
            if not cry.is_given and (mine := self._under_way.get((cry.account, cry.period))):
                mine.expected = count - 1

    async def _cry(self, holding: Holding, cries: _Cries) -> None:
        loop = asyncio.get_running_loop()
        self.outbox.append(Cry(self._replica, holding.account, holding.period, holding.limit))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(loop.time() + _CRY_SECONDS):
                await self._said(holding)
                while self._is_short(holding, holding.needs) and len(cries.voices) < cries.expected:
                    await cries.heard.wait()
                    cries.heard.clear()
                    await self._said(holding)
        if self._is_short(holding, holding.needs):
            cries.quiet_until = time.monotonic() + _QUIET_SECONDS
            loop.call_later(_QUIET_SECONDS, self._under_way.pop, holding.key, None)
        else:
            del self._under_way[holding.key]
