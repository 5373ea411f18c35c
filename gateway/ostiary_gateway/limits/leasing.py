"""Whether a request gets what it lacks: all of it, or the one reason why not. Pure."""

from collections.abc import Callable, Iterable, Sequence

from ostiary_gateway.contract.decision import Refusal
from ostiary_gateway.contract.lease import Grant, Shortage
from ostiary_gateway.limits.accounts import Account
from ostiary_gateway.limits.windows import Window

Allowed = Callable[[Account], int]

_MOST_EXTRA = 10**12  # what nginx was granted is told modulo contract.lease.ROUND: a thousand of these fit between two looks
_HOLD_MS = 250  # nginx may repeat an answer for so long: a limit that was raised counts from then on
_HOLD_RESERVED_MS = 50  # where requests under way may turn out smaller than they reserved
_RETRY_MS = 1_000


class Claim:
    """What one request lacks of one account. `amount` may become smaller by a finer estimate."""

    __slots__ = ("account", "amount", "slot")

    def __init__(self, account: Account, slot: int, amount: int) -> None:
        self.account = account
        self.slot = slot
        self.amount = amount

    @property
    def unit(self) -> str:
        return self.account.limit.unit

    def missing(self, allowed: int) -> int:
        """How much the account lacks; 0 or less is enough."""
        return self.account.claimed + self.amount - allowed

    def is_hopeless(self, allowed: int) -> bool:
        """Whether it would be too much even if nothing were reserved and nothing lay idle."""
        return self.account.used + self.amount > allowed

    def move_to(self, now_ms: int) -> None:
        """A request that waited takes from the slot in which it goes on."""
        if isinstance(self.account, Window):
            self.slot = max(self.slot, self.account.current_slot(now_ms))

    def refine(self, saved: int, input_price: int) -> None:
        """Its input is so many tokens less than was assumed; `input_price` is picodollars per token."""
        if self.unit in "tik":
            self.amount = max(0, self.amount - saved)
        elif self.unit == "m":
            self.amount = max(0, self.amount - saved * input_price // 1000)


def first_short(claims: Iterable[Claim], allowed: Allowed) -> Claim | None:
    """The first claim that does not fit, in the order in which limits refuse."""
    return next((claim for claim in claims if claim.missing(allowed(claim.account)) > 0), None)


def grant(claims: Sequence[Claim], allowed: Allowed, now_ms: int, within: Allowed | None = None) -> tuple[Grant, ...]:
    """Give each claim what it lacks, and nginx half of what else is there, so that it seldom asks again.

    Not all of it: another request that lacks as much at the same moment would find nothing, neither here nor in nginx yet.
    `within` is what clients are told to be left of: all that other replicas have not used; without it what is allowed.
    """
    told = within or allowed
    return tuple(_grant(claim, allowed(claim.account), told(claim.account), now_ms) for claim in claims)


def _grant(claim: Claim, allowed: int, within: int, now_ms: int) -> Grant:
    account = claim.account
    extra = min(_MOST_EXTRA, max(0, -claim.missing(allowed)) // 2)
    account.grant(claim.slot, claim.amount, extra, now_ms)
    return Grant(
        purse=account.limit.purse,
        slot=claim.slot,
        amount=claim.amount,
        extra=extra,
        limit=account.limit.most,
        beyond=max(0, within - account.claimed),
        reset_ms=account.resets_at(now_ms),
    )


def too_large(claim: Claim, now_ms: int) -> Shortage:
    """More than the whole limit: no use in trying again."""
    if claim.unit in "mk":
        return spent(claim, claim.account.limit.most, now_ms)
    message = "rate limit exceeded: the request is larger than the limit"
    return _shortage(claim, Refusal(status=429, code="rate_limit_exceeded", message=message), now_ms)


def refused(claim: Claim, allowed: int, now_ms: int, reach: int | None = None) -> Shortage:
    """A rate that is used up, or too many requests at once.

    `reach` is what would be allowed if other replicas gave back all that they have not used; without it what is allowed. What
    would fit then may come free any time.
    """
    account = claim.account
    may_fit = reach is not None and claim.missing(reach) <= 0
    if not isinstance(account, Window):
        busy = Refusal(status=429, code="concurrency_exceeded", message="too many concurrent requests")
        return _shortage(claim, busy, now_ms, retry_after_ms=_RETRY_MS, hold_ms=0 if may_fit else _HOLD_MS)
    retry = max(1, account.free_at(claim.amount, allowed, now_ms) - now_ms)
    hold = _HOLD_MS if claim.unit == "r" or not account.out else _HOLD_RESERVED_MS
    hold = 0 if may_fit else hold
    refusal = Refusal(status=429, code="rate_limit_exceeded", message="rate limit exceeded")
    return _shortage(claim, refusal, now_ms, retry_after_ms=retry, hold_ms=min(hold, retry))


def spent(claim: Claim, reach: int, now_ms: int) -> Shortage:
    """A budget that is used up by all replicas together (TP-09); the text tells no balance (GZ-03)."""
    budget = claim.account.limit.budget
    period = budget.period if budget else "total"
    refusal = Refusal(status=402, code="budget_exceeded", message=f"{period} budget exceeded")
    return _shortage(claim, refusal, now_ms, hold_ms=_HOLD_MS if claim.account.used >= reach else 0)


def reserved(claim: Claim, now_ms: int) -> Shortage:
    """A budget that would do if requests under way turn out smaller than they might."""
    refusal = Refusal(status=429, code="budget_reserved", message="budget is reserved by requests under way")
    return _shortage(claim, refusal, now_ms, retry_after_ms=_RETRY_MS)


def _shortage(claim: Claim, refusal: Refusal, now_ms: int, *, retry_after_ms: int = 0, hold_ms: int = 0) -> Shortage:
    limit = claim.account.limit
    return Shortage(
        refusal=refusal,
        purse=limit.purse,
        retry_after_ms=retry_after_ms,
        hold_ms=hold_ms,
        limit=limit.most,
        reset_ms=claim.account.resets_at(now_ms),
    )
