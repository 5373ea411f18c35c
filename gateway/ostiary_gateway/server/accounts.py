"""The accounts of this replica: kept true to the ledger and to nginx's purses, and asked by leases and other replicas."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from ostiary_gateway.limits import periods
from ostiary_gateway.limits.accounts import Account
from ostiary_gateway.limits.allowances import Allowances
from ostiary_gateway.limits.balances import Balance
from ostiary_gateway.limits.periods import QUARTER
from ostiary_gateway.limits.terms import Limit
from ostiary_gateway.limits.treasury import Answer, Loaded, Told, Treasury, keys_of
from ostiary_gateway.server.clock import now_ms
from ostiary_gateway.server.control import Control, NginxAwayError, Purses
from ostiary_gateway.server.ledger_port import SumsPort

_LOOK_SECONDS = 1.0
_LOOK_SHARE = 20  # of the time that a look takes: with very many purses it is done less often
_CATCH_UP_SECONDS = 2.0
_CATCH_UP_LOOK = 0.01
_BURY_MS = 3_000
_PIECE = 200  # accounts between which others have their turn

log = logging.getLogger(__name__)

Relimit = Callable[[Limit], Limit | None]


class Accounts:
    """`is_ready`: what nginx was granted and what is settled of it is known, so that leases may be given."""

    def __init__(self, control: Control, ledger: SumsPort, allowances: Allowances) -> None:
        self._control = control
        self._ledger = ledger
        self.allowances = allowances
        self._treasury = Treasury(self._load)
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._purse_lock = asyncio.Lock()
        self._since = 0
        self._is_stale = False
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Begin, then look at nginx's purses for ever."""
        await self.begin()
        while True:
            began = time.monotonic()
            await self.look()
            await asyncio.sleep(max(_LOOK_SECONDS, _LOOK_SHARE * (time.monotonic() - began)))

    @property
    def is_ready(self) -> bool:
        return self._ready.is_set()

    async def ready(self, seconds: float) -> bool:
        """Wait for it. Returns: whether it came in that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    async def begin(self) -> None:
        """Learn what was granted and settled before this process; without nginx nothing is granted."""
        await self._ledger.opened()
        await self._catch_up()
        async with self._purse_lock:
            found = await self._purses()
            if found:
                self._treasury.begin(found.epoch, found.purses)
                await self._take_surplus()
        self._ready.set()

    async def look(self) -> None:
        """Compare with nginx, which is right, and take back what is worth nothing there."""
        async with self._purse_lock:
            asked = now_ms()
            found = await self._purses()
            if found is None:
                return
            if self._is_stale or not self._treasury.epoch:
                self._is_stale = False
                self._treasury.begin(found.epoch, found.purses)
            elif found.epoch != self._treasury.epoch:
                self._since = asked
            for _ in self._treasury.look(found.epoch, found.purses, asked):
                await asyncio.sleep(0)
            if not self._ledger.lag_seconds and asked > self._since + _BURY_MS:
                self._treasury.bury()
            await self._take_surplus()
            self._treasury.prune(asked, is_shared=self.is_shared)
        self._wake(tuple(self._waiting))

    def get(self, limit: Limit) -> Account:
        """The account of a limit as it is now."""
        return self._treasury.get(limit, now_ms())

    def balance(self, limit: Limit) -> Balance:
        """What is spent of a budget now, to be kept up to date by who asks."""
        balance = Balance(limit, now_ms())
        loaded = self._load(limit, "", (balance.span.start, balance.span.end))
        balance.seen = loaded.sequence
        if loaded.spent:
            balance.begin(loaded.spent)
        return balance

    def allowed(self, account: Account) -> int:
        """What this replica may use of it."""
        return self.allowances.allowed(account.limit.account, account.period, account.limit.most)

    def within(self, account: Account) -> int:
        """What it might be allowed at most, for telling clients what remains."""
        return self.allowances.within(account.limit.account, account.period, account.limit.most)

    def reach(self, account: Account) -> int:
        """What it could be allowed if the others gave back all that is not used: beyond that it is used up."""
        if not self.is_shared:
            return self.allowed(account)
        return account.limit.most - self.allowances.used_elsewhere(account.limit.account, account.period)

    def returned(self, purse: str, slot: int, back: int) -> None:
        """By itself nginx emptied a purse of the past; so much came back of it ever."""
        self._treasury.returned(purse, slot, back)

    async def reclaim(self, account: Account, *, force: bool = False) -> bool:
        """Take what lies idle of an account out of nginx. Returns: whether there was anything, or something has just arrived."""
        keys = keys_of(account, account.idle(force=force))
        if not keys:
            return False
        async with self._purse_lock:
            idle, was_awaited = account.idle(force=force), account.is_awaited
            taken = await self._take({key: idle[slot] for slot, key in keys.items() if slot in idle})
        return any(taken.values()) or (was_awaited and not account.is_awaited)

    async def changed(self, account: Account, seconds: float) -> bool:
        """Wait until something of an account was settled. Returns: False where nothing was in that time."""
        future = asyncio.get_running_loop().create_future()
        waiting = self._waiting[account.limit.purse]
        waiting.add(future)
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return False
        finally:
            waiting.discard(future)
            if not waiting:
                self._waiting.pop(account.limit.purse, None)
        return True

    def settled(self, told: Told) -> None:
        """Take over what the ledger has committed."""
        self._wake(self._treasury.settled(told, now_ms()))

    def rebuilt(self) -> None:
        """Every sum of the ledger was counted anew: from the next look on they are all loaded again."""
        self._is_stale = True

    async def relimit(self, limit_now: Relimit) -> None:
        """Let accounts know of limits that changed, without waiting until they are asked for."""
        is_changed = False
        for number, account in enumerate(self._treasury):
            limit = limit_now(account.limit)
            if limit is not None and limit != account.limit:
                self._treasury.change(limit, now_ms())
                is_changed = True
            if number % _PIECE == _PIECE - 1:
                await asyncio.sleep(0)
        if is_changed:
            await self.look()

    def claimed(self, account: str, period: str) -> int | None:
        """What this replica has used, reserved and left lying of an account, as replicas share it; None: nobody asked for it."""
        total, found = 0, self._treasury.named(account)
        if not found:
            return None
        for one in found:
            one.roll(now_ms())
            total += one.claimed if one.period == period else 0
        return total

    def used(self, account: str, period: str) -> int | None:
        """What of that the ledger says was used."""
        claimed = self.claimed(account, period)
        named = self._treasury.named(account)
        return None if claimed is None else sum(one.used for one in named if one.period == period)

    def told(self, account: str) -> None:
        """Other replicas have said what they used of it, and what they do not need: who waits for some may look again."""
        self._wake(one.limit.purse for one in self._treasury.named(account))

    async def give_back(self, account: str, period: str) -> None:
        """Take what lies idle of an account out of nginx, so that another replica may have it."""
        for one in self._treasury.named(account):
            if one.period == period:
                await self.reclaim(one, force=True)

    def month_cost(self, key_id: str, month: str) -> Decimal:
        """What a key was charged in a UTC month (`2026-11`)."""
        year, _, number = month.partition("-")
        start = periods.month(int(year), int(number))
        return self._ledger.sums.spent(f"key/{key_id}", start.start // QUARTER, start.end // QUARTER)[0]

    async def _catch_up(self) -> None:
        """What an nginx that is gone had under way is still in the spool; a ledger that cannot read it is not waited for."""
        until = time.monotonic() + _CATCH_UP_SECONDS
        while self._ledger.lag_seconds and time.monotonic() < until:  # noqa: ASYNC110 - it is a number, there is nothing to await
            await asyncio.sleep(_CATCH_UP_LOOK)

    async def _purses(self) -> Purses | None:
        try:
            return await self._control.purses()
        except NginxAwayError as error:
            log.debug("purses not read: %s", error)
            return None

    async def _take_surplus(self) -> None:
        for amounts in self._treasury.surplus(self.allowed, now_ms(), is_shared=self.is_shared):
            await self._take(amounts)
            await asyncio.sleep(0)

    @property
    def is_shared(self) -> bool:
        """Whether replicas divide limits by need."""
        return self.allowances.mode != "local"

    async def _take(self, amounts: Mapping[str, int]) -> Mapping[str, int]:
        """Take money out of nginx; held under the lock, so that no look sees half of it."""
        if not amounts:
            return {}
        asked = now_ms()
        try:
            answer = await self._control.take_back(amounts)
        except NginxAwayError as error:
            log.debug("purses not emptied: %s", error)
            return {}
        for key, amount in amounts.items():
            told = Answer(answer.taken.get(key, 0), answer.granted.get(key, 0), answer.back.get(key, 0))
            self._treasury.taken(answer.epoch, key, told, amount, asked)
        return answer.taken

    def _wake(self, purses: Iterable[str]) -> None:
        for purse in purses:
            for future in self._waiting.get(purse, ()):
                if not future.done():
                    future.set_result(None)

    def _load(self, limit: Limit, epoch: str, span: tuple[int, int]) -> Loaded:
        sums = self._ledger.sums
        with sums.at_once():
            spent = sums.spent(limit.fold, span[0] // QUARTER, span[1] // QUARTER) if limit.fold else None
            settled = sums.settled(epoch, limit.purse) if epoch and limit.unit != "c" else {}
            truths = sums.truths(limit.purse) if limit.window else {}
            return Loaded(sums.sequence(), spent, settled, truths)
