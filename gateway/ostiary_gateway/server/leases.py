"""`POST /lease`: what a request lacks of its limits, all of it or the one reason why not."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, cast

import msgspec
from aiohttp import web

from ostiary_gateway.contract.decision import Ask, Refusal, Surface
from ostiary_gateway.contract.lease import Grant, Lease, LeaseAsk, Need, Shortage
from ostiary_gateway.decide.index import Index
from ostiary_gateway.limits import leasing
from ostiary_gateway.limits.leasing import Claim
from ostiary_gateway.server.accounts import Accounts
from ostiary_gateway.server.clock import now_ms
from ostiary_gateway.server.estimating import CountTokens, saved
from ostiary_gateway.server.live import Live
from ostiary_gateway.telemetry.limits import LimitNumbers

_ask = msgspec.json.Decoder(LeaseAsk)
_encode = msgspec.json.Encoder().encode
_BEYOND_SECONDS = 1.2  # nginx waits 2 s longer than requests may wait for a budget
_AGAIN_SECONDS = 0.25  # what other replicas tell may get lost
_READY_SECONDS = 1.5  # nginx waits longer
_LEAST_SECONDS = 0.2  # for the work itself, also where the accounts were late
_RAISES = 3  # others who wait for the same may be first
_RECLAIMS = 100
_BUDGETS = "mk"
_MOMENT, _MOMENTS = 0.002, 9  # each twice as long as the one before: a second in all


class _Request(NamedTuple):
    """One question, with what the index says of it. `claims` are those that have an account, `free` the needs that have none."""

    ask: LeaseAsk
    claims: Sequence[Claim]
    free: Sequence[Need]
    input_price: int


class Leases:
    def __init__(
        self, live: Live, accounts: Accounts, numbers: LimitNumbers, count_tokens: CountTokens, *, wait_seconds: float
    ) -> None:
        self._live = live
        self._accounts = accounts
        self._numbers = numbers
        self._count_tokens = count_tokens
        self._wait_seconds = wait_seconds
        self._reclaims: set[asyncio.Task[bool]] = set()

    async def lease(self, request: web.Request) -> web.Response:
        """A Lease; 503 where the accounts are not known yet and will not be soon, 400 for what is no LeaseAsk."""
        began = time.monotonic()
        is_ready = await self._accounts.ready(_READY_SECONDS)
        index = self._live.index
        if index is None or not is_ready:
            return web.Response(status=503, text="accounts are not known yet")
        try:
            ask = _ask.decode(await request.read())
        except (msgspec.DecodeError, UnicodeDecodeError):
            return web.Response(status=400, text="not a lease ask")
        lease = await self.answer(index, ask, began)
        self._numbers.leased(lease)
        return web.Response(body=_encode(lease), content_type="application/json")

    async def answer(self, index: Index, ask: LeaseAsk, began: float) -> Lease:
        """Grants for all that is asked, or the shortage; in the time that nginx gives who asked when it `began`."""
        for purse, slot, back in map(msgspec.structs.astuple, ask.returns):
            self._accounts.returned(purse, slot, back)
        found = self._understand(index, ask)
        if isinstance(found, Refusal):
            return Lease(shortage=Shortage(refusal=found, purse="", retry_after_ms=0))
        shortage = await self._make_room_in_time(found, began)
        if shortage:
            return Lease(shortage=shortage)
        free = (Grant(purse=n.purse, slot=n.slot, amount=n.amount, extra=0, limit=0, beyond=0, reset_ms=0) for n in found.free)
        return Lease(grants=(*leasing.grant(found.claims, self._accounts.allowed, now_ms(), self._accounts.within), *free))

    def _understand(self, index: Index, ask: LeaseAsk) -> _Request | Refusal:
        """What the purses mean. One that is none of the key's limits any more is free: nginx has an old decision."""
        now = now_ms()
        key = index.identify(ask.key, now)
        if isinstance(key, Refusal):
            return key
        question = Ask(key=ask.key, surface=cast("Surface", ask.surface), target=ask.target, model=ask.model, dialect=ask.dialect)
        draw = index.draw(key, question, now)
        if draw.refusal:
            return draw.refusal
        limits = {limit.purse: limit for limit in draw.limits}
        known = [need for need in ask.needs if need.purse in limits]
        claims = [Claim(self._accounts.get(limits[need.purse]), need.slot, need.amount) for need in known]
        free = [need for need in ask.needs if need.purse not in limits]
        return _Request(ask, claims, free, draw.spend.input_price if draw.spend else 0)

    async def _make_room_in_time(self, request: _Request, began: float) -> Shortage | None:
        """As `_make_room`; what is to be said when time is up is said of what is known then."""
        now = time.monotonic()
        seconds = max(began + self._wait_seconds + _BEYOND_SECONDS - now, _LEAST_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._make_room(request, now)
        short = self._first_short(request)
        return self._why_not(short) if short else None

    async def _make_room(self, request: _Request, began: float) -> Shortage | None:
        """Until everything fits at once, or something cannot be had."""
        efforts = _Efforts()
        while short := self._first_short(request):
            if await self._relieve(short, efforts) or await self._refine(request, short, efforts):
                continue
            wait = self._patience(short, time.monotonic() - began)
            if wait <= 0:
                return self._why_not(short)
            if await self._accounts.changed(short.account, wait):
                efforts = _Efforts(is_refined=efforts.is_refined)
            elif self._accounts.is_shared:
                efforts.ask_again(short)
        return None

    def _first_short(self, request: _Request) -> Claim | None:
        """As of now: accounts count what is in the windows of the present slots, so claims are for these too."""
        for claim in request.claims:
            claim.account = self._accounts.get(claim.account.limit)  # while one waits, another may take its place
            claim.move_to(now_ms())
        return leasing.first_short(request.claims, self._accounts.allowed)

    async def _relieve(self, short: Claim, efforts: "_Efforts") -> bool:
        """Look for more of what is short: idle in nginx, or with the other replicas. Returns: whether to look again."""
        if self._is_hopeless(short):
            return False
        if await self._reclaim(short, efforts):
            return True
        if self._accounts.allowed(short.account) >= short.account.limit.most or not efforts.may_raise(short):
            return False
        limit, claimed = short.account.limit, short.account.claimed
        raise_to = self._accounts.allowances.raise_to
        await raise_to(limit.account, short.account.period, limit.most, claimed + short.amount, claimed)
        return True

    async def _reclaim(self, short: Claim, efforts: "_Efforts") -> bool:
        """Take back what lies idle in nginx, or wait for what is on its way there. Returns: whether there was either."""
        if not efforts.may_reclaim(short):
            return False
        if await self._taken_back(short):
            return True
        if not short.account.is_awaited or not efforts.may_wait(short):
            return efforts.give_up(short)
        await asyncio.sleep(efforts.moment(short))  # it arrives elsewhere, there is nothing to await
        return True

    async def _taken_back(self, short: Claim) -> bool:
        """What nginx gave back is counted also where time is up for who wanted it."""
        task = asyncio.create_task(self._accounts.reclaim(short.account, force=short.unit in _BUDGETS))
        self._reclaims.add(task)
        task.add_done_callback(self._reclaims.discard)
        return await asyncio.shield(task)

    def _is_hopeless(self, short: Claim) -> bool:
        """Whether nobody could give it back what it lacks: all replicas together have used too much.

        What others used of a rate may be free again before they say so; that is looked at anew each time.
        """
        is_rate_of_all = self._accounts.is_shared and short.unit not in _BUDGETS
        return short.is_hopeless(short.account.limit.most if is_rate_of_all else self._accounts.reach(short.account))

    async def _refine(self, request: _Request, short: Claim, efforts: "_Efforts") -> bool:
        """Count the tokens of the body, once: nginx took each byte for one. Returns: whether that made it less."""
        if not request.ask.body or short.unit not in "tikm" or efforts.is_refined:
            return False
        efforts.is_refined = True
        model = request.ask.model or request.ask.target
        fewer = await asyncio.to_thread(saved, request.ask.body, model, self._count_tokens)
        for claim in request.claims if fewer else ():
            claim.refine(fewer, request.input_price)
        return fewer > 0

    def _patience(self, short: Claim, waited: float) -> float:
        """How long to wait for requests under way, here or at other replicas, that may turn out smaller; 0 is not at all."""
        if short.unit not in _BUDGETS or self._is_hopeless(short):
            return 0.0
        left = self._wait_seconds - waited
        if not self._accounts.is_shared:
            return left
        can_come_free = short.account.out or not self._accounts.allowances.problem
        return min(left, _AGAIN_SECONDS) if can_come_free else 0.0

    def _why_not(self, short: Claim) -> Shortage:
        now = now_ms()
        reach = self._accounts.reach(short.account)
        if short.amount > short.account.limit.most:
            return leasing.too_large(short, now)
        if short.unit not in _BUDGETS:
            return leasing.refused(short, self._accounts.allowed(short.account), now, reach)
        return leasing.spent(short, reach, now) if short.is_hopeless(reach) else leasing.reserved(short, now)


class _Efforts:
    """What was tried for one request, so that it comes to an end."""

    def __init__(self, *, is_refined: bool = False) -> None:
        self.is_refined = is_refined
        self._counts: Counter[tuple[str, str]] = Counter()

    def may_reclaim(self, short: Claim) -> bool:
        return self._count("reclaim", short) <= _RECLAIMS

    def may_raise(self, short: Claim) -> bool:
        return self._count("raise", short) <= _RAISES

    def may_wait(self, short: Claim) -> bool:
        return self._count("wait", short) <= _MOMENTS

    def ask_again(self, short: Claim) -> None:
        """Once: others may have told something that was not heard."""
        self._counts["raise", short.account.limit.purse] = _RAISES - 1

    def moment(self, short: Claim) -> float:
        """Seconds, longer each time."""
        return float(_MOMENT * 2 ** self._counts["wait", short.account.limit.purse] / 2)

    def give_up(self, short: Claim) -> bool:
        """There is nothing to reclaim. Returns: False."""
        self._counts["reclaim", short.account.limit.purse] = _RECLAIMS
        return False

    def _count(self, what: str, short: Claim) -> int:
        self._counts[what, short.account.limit.purse] += 1
        return self._counts[what, short.account.limit.purse]
