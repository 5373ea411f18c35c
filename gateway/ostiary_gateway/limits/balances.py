"""Budgets: what was spent in the period that this is, from the ledger's quarters of an hour."""

from decimal import ROUND_CEILING, Decimal

from ostiary_gateway.limits import periods
from ostiary_gateway.limits.accounts import Account
from ostiary_gateway.limits.periods import QUARTER, Span
from ostiary_gateway.limits.terms import NANO, Limit

Spending = tuple[Decimal, int, int]
"""US dollars, tokens, requests."""

NOTHING: Spending = (Decimal(0), 0, 0)


class Balance(Account):
    """One budget."""

    def __init__(self, limit: Limit, now_ms: int) -> None:
        super().__init__(limit)
        self.span = self._span(now_ms)
        self.spent = NOTHING
        self._used = 0
        self._ahead: dict[int, Spending] = {}

    @property
    def used(self) -> int:
        return self._used

    @property
    def out(self) -> int:
        return self._weight

    @property
    def period(self) -> str:
        return self.span.name

    def roll(self, now_ms: int) -> None:
        """In a new period nothing is spent yet; requests under way count there, for that is where they will end."""
        if now_ms < self.span.end * 1000:
            return
        self.span = self._span(now_ms)
        ahead, self._ahead = self._ahead, {}
        self._set(NOTHING)
        for quarter, spending in ahead.items():
            self.spend(quarter, spending)

    def resets_at(self, now_ms: int) -> int:
        return max(self.span.end * 1000, now_ms) if self.span.end < periods.FOREVER else 0

    def begin(self, spent: Spending) -> None:
        """What the ledger has of this period already."""
        self._set(spent)

    def spend(self, quarter: int, more: Spending) -> None:
        """What the ledger adds. `quarter` is Unix seconds // 900 of when it was used up."""
        if quarter * QUARTER >= self.span.end:
            self._ahead[quarter] = _sum(self._ahead.get(quarter, NOTHING), more)
        elif quarter * QUARTER >= self.span.start:
            self._set(_sum(self.spent, more))

    def _set(self, spent: Spending) -> None:
        self.spent = spent
        self._used = int((spent[0] * NANO).to_integral_value(ROUND_CEILING)) if self.limit.unit == "m" else spent[1]

    def _span(self, now_ms: int) -> Span:
        budget = self.limit.budget
        return periods.span(budget.period, budget.time_zone, now_ms / 1000) if budget else periods.span("total", "UTC", 0)


def _sum(one: Spending, other: Spending) -> Spending:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
