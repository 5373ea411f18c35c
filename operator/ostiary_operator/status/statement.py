"""What the gateway's replicas say together of money and use, and how it is written in a status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Literal

from ostiary_operator.api.budget import KeyBudget

_MICRO = Decimal("0.000001")
_CENTS = -2


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Of a key or a Budget. `spent` is US dollars, `tokens` are of the same `period`, `requests_today` since midnight UTC."""

    period: str = ""
    ends: str = ""
    spent: Decimal = Decimal(0)
    tokens: int = 0
    requests_today: int = 0
    last_used: str = ""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How limits hold over replicas. `bound` says by how much they may be exceeded, `problem` is empty where there is none."""

    mode: Literal["local", "valkey"]
    bound: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`complete`: every replica has told its numbers at least once, so that the sums are not too small.

    `unpriced` are `<prefix>/<provider model>`. `replicas` are those that were heard of.
    """

    keys: Mapping[str, Account] = field(default_factory=dict)
    budgets: Mapping[str, Account] = field(default_factory=dict)
    unpriced: tuple[str, ...] = ()
    sharing: Sharing | None = None
    replicas: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A limit and what is used of it, as texts of one unit."""

    limit: str
    unit: str
    spent: str
    remaining: str
    percent: int


def balance(budget: KeyBudget, spent: Decimal, tokens: int) -> Balance:
    """What is left of a budget, never below 0."""
    if budget.tokens is not None:
        left = max(0, budget.tokens - tokens)
        percent = tokens * 100 // budget.tokens
        return Balance(limit=str(budget.tokens), unit="Tokens", spent=str(tokens), remaining=str(left), percent=max(0, percent))
    limit = Decimal(budget.amount or 0)
    share = (spent * 100 / limit).to_integral_value(ROUND_DOWN) if limit else Decimal(0)
    left_money = max(Decimal(0), limit - _rounded(spent))
    return Balance(limit=money(limit), unit="USD", spent=money(spent), remaining=money(left_money), percent=max(0, int(share)))


def money(amount: Decimal) -> str:
    """US dollars with two decimals, and up to six where they say something."""
    rounded = _rounded(amount).normalize()
    exponent = rounded.as_tuple().exponent
    return f"{rounded:.{-exponent if isinstance(exponent, int) and exponent < _CENTS else 2}f}"


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_MICRO, ROUND_HALF_UP) + 0  # which makes of -0 a 0
