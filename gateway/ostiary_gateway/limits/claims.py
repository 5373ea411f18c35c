"""How replicas divide one limit: each holds an allowance, and all allowances together never exceed the limit. Pure.

A replica may use what it is allowed without asking anyone; `used` is what it has used or handed to its nginx, which it can not
unsay; `settled` is what of that its ledger has counted. The book of an account has one claim per replica. Only its own replica
changes a claim; to the others a living replica weighs its allowance and a dead one what it was known to have used. What all have
settled says whether a budget is spent; all else that a replica holds may still come free. `server/claims.lua` is the same rule
inside Valkey, where it is applied atomically; `tests/unit/limits/test_claims_in_valkey.py` holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, get_args

from ostiary_gateway.contract.limits import WINDOW_MS, Period, Window

DEAD_MS = 30_000
"""A replica that was not heard of for so long is dead: what it was allowed and had not used, the others may have."""
SILENCE_MS = 10_000
"""Where nobody was heard of for so long, it was Valkey that was away, and nobody is dead until all had time to come back."""
GRACE_MS = 5_000
"""So long nobody gets more than it says it had, after Valkey began or lost what it knew, unless all replicas are back earlier."""

_DAY_MS = WINDOW_MS["day"]
_FOREVER_MS = 400 * _DAY_MS
_PERIOD_MS: dict[Period, int] = {
    "hourly": 2 * WINDOW_MS["hour"],
    "daily": 3 * _DAY_MS,
    "weekly": 9 * _DAY_MS,
    "monthly": 33 * _DAY_MS,
    "total": _FOREVER_MS,
}


AS_TOLD = -1


class Holder(Protocol):
    """Who uses what a replica is allowed: its accounts."""

    def claimed(self, account: str, period: str) -> int | None:
        """Used of this account here, and handed to nginx and not settled: all that can not be given to others now.

        None where it is not known now: then what was told last goes on to count.
        """
        ...

    def settled(self, account: str, period: str) -> int | None:
        """What of that the ledger says was used. None where `claimed` is."""
        ...

    async def give_back(self, account: str, period: str) -> bool:
        """Take out of nginx what lies there idle, so that `claimed` falls. Returns: False where nothing is known yet at all.

        Afterwards `claimed` is None only for an account that there is no more. Never an error.
        """
        ...

    def month_cost(self, key_id: str, month: str) -> Decimal:
        """US dollars charged to a key in a UTC month (`2026-11`) by this replica."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """What one replica has of an account. `sequence` grows with each of its words, so that a late one is known as such."""

    allowance: int
    used: int
    sequence: int
    settled: int = 0


@dataclass(frozen=True, slots=True)
class Book:
    """One account as Valkey knows it. `beats`: when each replica was last heard of (Unix ms).

    `is_fresh`: others may hold what is not written here (any more).
    """

    claims: Mapping[str, Claim]
    beats: Mapping[str, int]
    now_ms: int
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A replica's word: it holds `mine`, has used `used` of it and would like to hold `wanted`.

    `used` is AS_TOLD where a replica that began anew knows nothing of the account; then so is what it `settled`.
    `with_more`: a share of what is free would be welcome beyond it, so that it need not ask again so soon.
    `lasting_ms`: so long what a dead replica used counts after it was last heard of.
    """

    replica: str
    sequence: int
    limit: int
    mine: int
    used: int
    wanted: int
    lasting_ms: int
    with_more: bool = False
    settled: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the replica may hold from now on; what weighs on the account beside it; how many replicas live.

    `others_used`: of `others`, what was used as far as it was told; `others_settled`: what of that their ledgers have counted.
    `is_fresh`: as in Book.
    """

    allowance: int
    others: int
    alive: int
    others_used: int
    is_fresh: bool = False
    others_settled: int = 0


@dataclass(frozen=True, slots=True)
class Late:
    """The word came after a later one of the same replica and changes nothing; a next one must be above `sequence`."""

    sequence: int


def answer(book: Book, ask: Ask) -> Answer | Late:
    """What to allow, all of the limit at most; never less than is used, for that can not be taken back.

    Less than `wanted` is given where less is free. A replica that was thought dead, or that Valkey forgot, may find that its own
    allowance went to others: then it is cut.
    """
    own = book.claims.get(ask.replica)
    if own and own.sequence > ask.sequence:
        return Late(own.sequence)
    used = (own.used if own else 0) if ask.used == AS_TOLD else ask.used
    lasting = {n: c for n, c in book.claims.items() if n != ask.replica and not forgotten(book, n, ask.lasting_ms)}
    others = sum(max(claim.allowance, claim.used) if _is_alive(book, name) else claim.used for name, claim in lasting.items())
    alive = len({name for name in book.beats if _is_alive(book, name)} | {ask.replica})
    free = ask.limit - others
    more = max(0, free - ask.wanted) // (2 * alive) if ask.with_more else 0
    allowance = min(ask.wanted, ask.mine, free) if book.is_fresh else min(ask.wanted + more, free)
    others_used = sum(claim.used for claim in lasting.values())
    others_settled = sum(claim.settled for claim in lasting.values())
    return Answer(max(allowance, used, 0), others, alive, others_used, book.is_fresh, others_settled)


def forgotten(book: Book, replica: str, lasting_ms: int) -> bool:
    """Whether this replica is dead and what it used counts no more: its claim may be deleted."""
    return not _is_alive(book, replica) and _age(book, replica) > lasting_ms


def is_reborn(newest_beat_ms: int, now_ms: int, *, is_same_server: bool) -> bool:
    """Whether Valkey may have missed something, so that all are asked again: it is another one, or nobody was heard of."""
    return not is_same_server or now_ms - newest_beat_ms > SILENCE_MS


def is_fresh(born_ms: int, now_ms: int, arrived: int, expected: int) -> bool:
    """Whether replicas may still be on their way back: see GRACE_MS."""
    return now_ms - born_ms < GRACE_MS and arrived < expected


def lasting_ms(account: str) -> int:
    """How long the use of a dead replica counts, by what the account limits: a window, a period, or (slots) not at all."""
    kind = account.rpartition("#")[2]
    if kind in _PERIOD_MS:
        return _PERIOD_MS[kind]
    window = kind.rpartition("/")[2]
    return WINDOW_MS[window] if window in get_args(Window) else 0  # type: ignore[index]


def expiry_ms(account: str) -> int:
    """After how long without a word an account's book may go: longer than any use of it lasts."""
    return max(_DAY_MS, 2 * DEAD_MS + lasting_ms(account))


def reserve(limit: int, others: int, used: int, replicas: int) -> int:
    """What a replica keeps beyond its use though it needs it not now: it lives on that while Valkey is away."""
    return max(0, limit - others - used) // (2 * max(1, replicas))


def share(limit: int, replicas: int) -> int:
    """What a replica allows itself of an account of which it never heard, while it can not ask."""
    return limit // max(1, replicas)


def _is_alive(book: Book, replica: str) -> bool:
    return _age(book, replica) <= DEAD_MS


def _age(book: Book, replica: str) -> int:
    return book.now_ms - book.beats.get(replica, 0)
