"""`POST /lease`: what a request lacks of its limits, all of it or the one reason why not."""

import asyncio
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
from ostiary_gateway.server.accounts import Accounts, now_ms
from ostiary_gateway.server.estimating import CountTokens, saved
from ostiary_gateway.server.live import Live
from ostiary_gateway.telemetry.limits import LimitNumbers

_ask = msgspec.json.Decoder(LeaseAsk)
_encode = msgspec.json.Encoder().encode
_ELSEWHERE_SECONDS = 0.4  # other replicas settle each 0.1 s
_IN_VAIN_MS = 1000
_READY_SECONDS = 1.5  # nginx waits longer
_RAISES = 3  # others who wait for the same may be first
_RECLAIMS = 100
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
        self._in_vain: dict[str, int] = {}  # purses of budgets, so there are not many

    async def lease(self, request: web.Request) -> web.Response:
        """A Lease; 503 where the accounts are not known yet and will not be soon, 400 for what is no LeaseAsk."""
        is_ready = await self._accounts.ready(_READY_SECONDS)
        index = self._live.index
        if index is None or not is_ready:
            return web.Response(status=503, text="accounts are not known yet")
        try:
            ask = _ask.decode(await request.read())
        except (msgspec.DecodeError, UnicodeDecodeError):
            return web.Response(status=400, text="not a lease ask")
        lease = await self.answer(index, ask)
        self._numbers.leased(lease)
        return web.Response(body=_encode(lease), content_type="application/json")

    async def answer(self, index: Index, ask: LeaseAsk) -> Lease:
        """Grants for all that is asked, or the shortage."""
        for purse, slot, left in map(msgspec.structs.astuple, ask.returns):
            self._accounts.returned(purse, slot, left)
        found = self._understand(index, ask)
        if isinstance(found, Refusal):
            return Lease(shortage=Shortage(refusal=found, purse="", retry_after_ms=0))
        shortage = await self._make_room(found)
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
        question = Ask(key=ask.key, surface=cast("Surface", ask.surface), target=ask.target, model=ask.model)
        draw = index.draw(key, question, now)
        if draw.refusal:
            return draw.refusal
        limits = {limit.purse: limit for limit in draw.limits}
        known = [need for need in ask.needs if need.purse in limits]
        claims = [Claim(self._accounts.get(limits[need.purse]), need.slot, need.amount) for need in known]
        free = [need for need in ask.needs if need.purse not in limits]
        return _Request(ask, claims, free, draw.spend.input_price if draw.spend else 0)

    async def _make_room(self, request: _Request) -> Shortage | None:
        """Until everything fits at once, or something cannot be had."""
        began = time.monotonic()
        efforts = _Efforts()
        while short := self._first_short(request):
            if await self._relieve(short, efforts) or await self._refine(request, short, efforts):
                continue
            wait = self._patience(short, time.monotonic() - began)
            if wait <= 0:
                return self._why_not(short)
            await self._accounts.changed(short.account, wait)
            efforts = _Efforts(is_refined=efforts.is_refined)
            for claim in request.claims:
                claim.move_to(now_ms())
        return None

    def _first_short(self, request: _Request) -> Claim | None:
        for claim in request.claims:
            claim.account = self._accounts.get(claim.account.limit)  # while one waits, another may take its place
        return leasing.first_short(request.claims, self._accounts.allowed)

    async def _relieve(self, short: Claim, efforts: "_Efforts") -> bool:
        """Look for more of what is short: idle in nginx, or with the other replicas. Returns: whether to look again."""
        allowed = self._accounts.allowed(short.account)
        if not short.is_hopeless(allowed) and await self._reclaim(short, efforts):
            return True
        if allowed >= short.account.limit.most or not efforts.may_raise(short):
            return False
        limit, claimed = short.account.limit, short.account.claimed
        raise_to = self._accounts.allowances.raise_to
        await raise_to(limit.account, short.account.period, limit.most, claimed + short.amount, claimed)
        return True

    async def _reclaim(self, short: Claim, efforts: "_Efforts") -> bool:
        """Take back what lies idle in nginx, or wait for what is on its way there. Returns: whether there was either."""
        if not efforts.may_reclaim(short):
            return False
        if await self._accounts.reclaim(short.account, force=short.unit in "mk"):
            return True
        if not short.account.is_awaited or not efforts.may_wait(short):
            return efforts.give_up(short)
        await asyncio.sleep(efforts.moment(short))  # it arrives elsewhere, there is nothing to await
        return True

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
        """How long to wait for requests under way, here or at other replicas, that may turn out smaller; 0 is not at all.

        Nobody is told when another replica settles, and what it has reserved looks like used: so that is looked at again, but
        not for long, and not for each request where it was of no use just now.
        """
        if short.unit not in "mk":
            return 0.0
        left = self._wait_seconds - waited
        if not short.is_hopeless(self._accounts.within(short.account)):
            return min(left, _ELSEWHERE_SECONDS) if self._accounts.is_shared else left
        purse = short.account.limit.purse
        if not self._accounts.is_shared or short.is_hopeless(short.account.limit.most):
            return 0.0
        if waited >= _ELSEWHERE_SECONDS:
            self._in_vain[purse] = now_ms()
        is_in_vain = now_ms() - self._in_vain.get(purse, 0) < _IN_VAIN_MS
        return 0.0 if is_in_vain else min(left, _ELSEWHERE_SECONDS / 4)

    def _why_not(self, short: Claim) -> Shortage:
        now = now_ms()
        if short.amount > short.account.limit.most:
            return leasing.too_large(short, now)
        if short.unit not in "mk":
            return leasing.refused(short, self._accounts.allowed(short.account), now)
        within = self._accounts.within(short.account)
        return leasing.spent(short, within, now) if short.is_hopeless(within) else leasing.reserved(short, now)


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
