"""Replicas divide limits and budgets by need through Valkey; while it is away each goes on with what it has.

One connection says all words (raises, returns, what is used) in batches, one batch at a time, so nothing overtakes; a second one
listens. Where a replica needs more than is free it cries, and the others give back at once what they do not need.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from valkey.exceptions import ValkeyError

from ostiary_gateway.contract.record import Record
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.limits.claims import AS_TOLD, Ask, Holder, Late, lasting_ms
from ostiary_gateway.server.claims_book import ClaimsBook, Cry, Word
from ostiary_gateway.server.crying import Crying
from ostiary_gateway.server.holdings import Holding, Holdings, Key, Use
from ostiary_gateway.server.identity import identity
from ostiary_gateway.server.mirrors import Mirrors
from ostiary_gateway.server.valkey_client import CALL_SECONDS, client_of, listen, stay_connected
from ostiary_gateway.telemetry.allowances import AllowanceNumbers

_TICK_SECONDS = 1.0
_BEAT_TICKS = 5
_ANSWER_SECONDS = 0.5
_LEAVE_SECONDS = 0.5
_PAUSE = 0.1
_BATCH = 500
_CRIED_SECONDS = 1.0
"""Who cried goes on to want it for so long, beside the time that requests wait for a budget."""
BOUND = (
    "Over all replicas no limit and no budget is exceeded while they live and Valkey answers. A replica that dies may add what "
    "it had under way, and where it stays away for 30 s what it used in its last second. One that alone loses Valkey for 30 s "
    "may use the rest of its allowance. While Valkey is away each goes on with its last allowance, and with limit/replicas of "
    "what it never asked for."
)

log = logging.getLogger(__name__)
_cry = msgspec.json.Decoder(Cry)


class SharedAllowances:
    """Satisfies `Allowances`. `holder` has to be set before `run`. `problem` says why limits are not divided by need.

    `on_told` is called with an account when another replica has told what it used and given back what it could.
    """

    mode = "valkey"
    bound = BOUND
    holder: Holder

    def __init__(self, settings: Settings, registry: CollectorRegistry) -> None:
        """Raises SettingsError where the URL is none, OSError where the data folder cannot be written."""
        client_of(settings)
        self._settings = settings
        self._replica = identity(Path(settings.data))
        self._prefix = f"ostiary:{settings.namespace}:{settings.bundle}:"
        self._numbers = AllowanceNumbers(registry)
        self._mirrors = Mirrors(self._prefix, self._replica)
        self._holdings = Holdings()
        self._alive = settings.replicas
        self._sequence = 0
        self._born = 0
        self._crying = Crying(self._replica, self._said, self._is_short)
        self._giving: dict[Key, asyncio.Task[None]] = {}
        self._something = asyncio.Event()
        self._round: asyncio.Future[None] | None = None
        self._strangers: dict[Key, Cry] = {}
        self._wanted: dict[Key, tuple[Cry, float]] = {}
        self._wanted_seconds = settings.lease_wait_seconds + _CRIED_SECONDS
        self.on_told: Callable[[str], None] = _nobody
        self._tried = asyncio.Event()
        self._is_connected = False
        self._is_stalled = False
        self.problem = "Valkey: not connected yet"

    def allowed(self, account: str, period: str, limit: int) -> int:
        """What this replica may have of it in all, used and handed out included. Never blocks."""
        holding = self._holdings.get(account, period)
        if holding is None:
            if self._is_connected or not self._tried.is_set():
                return 0
            holding = self._touch(account, period, limit)
        holding.touched_at = time.monotonic()
        self._holdings.due[account, period] = None
        return min(limit, holding.allowance if self._is_connected else max(holding.allowance, holding.hint))

    def within(self, account: str, period: str, limit: int) -> int:
        """What it might be allowed at most, as far as others told what they used: for telling clients what remains."""
        holding = self._holdings.get(account, period)
        allowed = self.allowed(account, period, limit)
        return max(allowed, limit - holding.others_used) if holding and self._is_connected else allowed

    def used_elsewhere(self, account: str, period: str) -> int:
        """What the others' ledgers have counted of it, as far as they told. Never more of a budget than is true."""
        holding = self._holdings.get(account, period)
        return holding.others_settled if holding else 0

    async def raise_to(self, account: str, period: str, limit: int, wanted: int, used: int) -> int:
        """Ask for more; returns what is allowed then, which may be less or, where others wait for the same, taken at once.

        Takes some milliseconds; up to 0.8 s where another replica or Valkey hangs. Returns at once while Valkey is away; but
        in the first 2 s of this process a Valkey that does not answer is waited for.
        """
        if not self._tried.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CALL_SECONDS):
                    await self._tried.wait()
        holding = self._touch(account, period, limit)
        if self._is_connected and wanted > holding.allowance:
            need = wanted - used
            holding.needs += need
            try:
                if await self._said(holding) and self._is_short(holding, need) and wanted <= limit:
                    self._numbers.cries.inc()
                    await self._crying.until_given(holding)
            finally:
                holding.needs -= need
            outcome = "short" if self._is_short(holding, need) else "granted"
            self._numbers.raises.labels(outcome if self._is_connected else "away").inc()
        return self.allowed(account, period, limit)

    def note(self, records: Sequence[Record]) -> None:
        """What was committed to the ledger, for people who look into Valkey (TP-21)."""
        self._mirrors.note(records)

    def settled(self) -> None:
        """The ledger has counted more: to be called so that who cried for some of it, and may still wait, hears of it at once."""
        for key in list(self._wanted):
            self._give_news(key)

    async def run(self) -> None:
        """Share, until cancelled."""
        await stay_connected(self._settings, self._share, down=self._down, ended=self._ended, pause=_PAUSE)

    async def leave(self) -> None:
        """Give back all that is idle, where that is quick; to be called after `run` was cancelled."""
        with contextlib.suppress(TimeoutError, ValkeyError, OSError):
            async with asyncio.timeout(_LEAVE_SECONDS), contextlib.aclosing(client_of(self._settings)) as client:
                book = ClaimsBook(client, self._prefix, self._replica)
                await book.open()
                for some in self._holdings.everything(_BATCH):
                    for holding in some:
                        holding.is_called = True
                    await self._exchange(book, some)

    async def _share(self, client: Any) -> None:
        """Until the connection breaks. What is held is told before anything new is asked for."""
        book = ClaimsBook(client, self._prefix, self._replica)
        await book.open()
        async with client.pubsub(ignore_subscribe_messages=True) as inbox:
            await inbox.subscribe(book.channel)
            await self._arrive(book)
            self._up()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen(inbox, _cry, self._heard, _TICK_SECONDS))
                tasks.create_task(self._speak(client, book))

    async def _arrive(self, book: ClaimsBook) -> None:
        self._born = await book.beat(has_told_all=False)
        for some in self._holdings.everything(_BATCH):
            asks = [each.again(self._replica, self._next(), self._use(each)) for each in some]
            await self._hear(book, some, asks)
        self._born = await book.beat(has_told_all=True)

    async def _speak(self, client: Any, book: ClaimsBook) -> None:
        tick, ticks = time.monotonic() + _TICK_SECONDS, 0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(0.0, tick - time.monotonic())):
                    await self._something.wait()
            self._something.clear()
            if (now := time.monotonic()) >= tick:
                tick, ticks = now + _TICK_SECONDS, ticks + 1
                await self._tick(client, book, ticks)
            await self._round_of(book)

    async def _tick(self, client: Any, book: ClaimsBook, ticks: int) -> None:
        """Once a second: say what changed, and (rarer) that this replica lives."""
        if ticks % _BEAT_TICKS == 0 and await book.beat(has_told_all=True) != self._born:
            await self._arrive(book)
        self._holdings.look_at_some(_BATCH)
        await self._exchange(book, self._holdings.take_due(_BATCH))
        self._numbers.holdings.set(len(self._holdings))
        await self._mirrors.show(client, self.holder)

    async def _round_of(self, book: ClaimsBook) -> None:
        """Those for whom somebody waits, then the cries; those who waited go on."""
        waiting, self._round = self._round, None
        try:
            await self._exchange(book, self._holdings.take_pressing(_BATCH))
            await self._let_go(book)
            cries, self._crying.outbox = self._crying.outbox, []
            if cries:
                self._crying.published(cries, await book.publish(cries))
            self._is_stalled = False
        finally:
            _release(waiting)

    async def _let_go(self, book: ClaimsBook) -> None:
        """Accounts that others cry for and that there are here no more: what was held of them goes back."""
        cries, self._strangers = self._strangers, {}
        if cries:
            words = (Ask(self._replica, self._next(), c.limit, 0, AS_TOLD, 0, lasting_ms(c.account)) for c in cries.values())
            said = [Word(cry.account, cry.period, ask) for cry, ask in zip(cries.values(), words, strict=True)]
            await book.ask(said, self._alive)

    async def _exchange(self, book: ClaimsBook, holdings: Sequence[Holding]) -> None:
        now = time.monotonic()
        said: list[Holding] = []
        asks: list[Ask] = []
        for holding in holdings:
            if ask := holding.next_ask(self._replica, self._next(), self._use(holding), self._alive, now):
                said.append(holding)
                asks.append(ask)
        await self._hear(book, said, asks)

    async def _hear(self, book: ClaimsBook, holdings: Sequence[Holding], asks: Sequence[Ask]) -> None:
        if not asks:
            return
        words = [Word(holding.account, holding.period, ask) for holding, ask in zip(holdings, asks, strict=True)]
        replies = await book.ask(words, self._alive)
        for holding, ask, answer in zip(holdings, asks, replies, strict=True):
            if isinstance(answer, Late):
                self._sequence = max(self._sequence, answer.sequence)
                self._holdings.due[holding.key] = None
                continue
            self._alive = max(answer.alive, self._settings.replicas)
            if holding.hear(ask, answer):
                self._numbers.cuts.inc()
            if not answer.allowance and not ask.used and not ask.wanted:
                self._holdings.drop(holding)

    async def _heard(self, cry: Cry) -> None:
        if cry.origin == self._replica:
            return
        if cry.is_given:
            self._crying.heard(cry)
            self.on_told(cry.account)
            return
        if cry.period:  # nobody waits for a rate
            self._wanted[cry.account, cry.period] = (cry, time.monotonic() + self._wanted_seconds)
        self._give_to(cry)

    def _give_to(self, cry: Cry) -> None:
        key = (cry.account, cry.period)
        if key not in self._giving and self._is_connected:
            giving = self._giving[key] = asyncio.create_task(self._give(cry))
            giving.add_done_callback(lambda _: self._gave(key))

    def _gave(self, key: Key) -> None:
        del self._giving[key]
        self._give_news(key)

    def _give_news(self, key: Key) -> None:
        """Where somebody still wants some of it and more is known of it than was told."""
        cry, until = self._wanted.get(key, (None, 0.0))
        if until < time.monotonic():
            self._wanted.pop(key, None)
        elif cry and (holding := self._holdings.get(*key)) and holding.is_news(self._use(holding)):
            self._give_to(cry)

    async def _give(self, cry: Cry) -> None:
        """Take back what lies idle in nginx, let go of all that is not used, and say so."""
        if await self.holder.give_back(cry.account, cry.period):
            await self._release(cry)
        self._crying.answer(cry)
        self._something.set()

    async def _release(self, cry: Cry) -> None:
        holding = self._holdings.get(cry.account, cry.period)
        if holding is None and self.holder.claimed(cry.account, cry.period) is None:
            self._strangers[cry.account, cry.period] = cry
            await self._round_over()
            return
        holding = holding or self._touch(cry.account, cry.period, cry.limit)
        holding.is_called, holding.called_at = True, time.monotonic()
        try:
            await self._said(holding)
        finally:
            holding.is_called = False

    async def _said(self, holding: Holding) -> bool:
        """Until what it needs or can spare now has been said and answered; returns whether it was, in time."""
        self._holdings.pressing[holding.key] = None
        return await self._round_over()

    async def _round_over(self) -> bool:
        if not self._is_connected or self._is_stalled:
            return False
        if self._round is None:
            self._round = asyncio.get_running_loop().create_future()
        self._something.set()
        done, _ = await asyncio.wait({self._round}, timeout=_ANSWER_SECONDS)
        self._is_stalled = not done
        return bool(done)

    def _ended(self) -> None:
        """The connection is gone: nobody waits for it any longer."""
        self._is_connected = False
        waiting, self._round = self._round, None
        _release(waiting)
        for giving in tuple(self._giving.values()):
            giving.cancel()

    def _touch(self, account: str, period: str, limit: int) -> Holding:
        return self._holdings.of(account, period, limit, self._alive, time.monotonic())

    def _use(self, holding: Holding) -> Use:
        claimed = self.holder.claimed(holding.account, holding.period)
        settled = self.holder.settled(holding.account, holding.period)
        if claimed is None or settled is None:
            return holding.told_use(time.monotonic())
        return Use(max(0, claimed), max(0, settled))

    def _is_short(self, holding: Holding, need: int) -> bool:
        return self._use(holding).claimed + need > holding.allowance

    def _next(self) -> int:
        self._sequence = max(self._sequence + 1, time.time_ns() // 1000)
        return self._sequence

    def _up(self) -> None:
        log.info("replicas share limits")
        self._is_connected = True
        self._tried.set()
        self.problem = ""
        self._numbers.shared.set(1)

    def _down(self, why: str) -> None:
        problem = f"Valkey: {why}; each replica goes on with its last allowance"
        if problem != self.problem:
            log.warning("Valkey is away, limits are not shared: %s", why)
        self.problem = problem
        self._tried.set()
        self._numbers.shared.set(0)


def _nobody(account: str) -> None:
    """Nobody waits here for what others tell."""


def _release(waiting: asyncio.Future[None] | None) -> None:
    if waiting and not waiting.done():
        waiting.set_result(None)
