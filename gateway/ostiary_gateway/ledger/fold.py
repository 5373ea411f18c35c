"""From ledger lines to sums: every counter of Ostiary is this, and can be made anew from the lines.

Pure. The same lines in any order, in any number of pieces, give the same sums.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from ostiary_gateway.contract.record import Posting, Usage
from ostiary_gateway.ledger import charge
from ostiary_gateway.pricing import EXACT
from ostiary_gateway.store import Settlements, Spent

QUARTER = 900  # seconds: no time zone's day begins within one
_MOST = 2**40  # tokens of one request: beyond is no count, and sums must fit into 64 bits
_NOTHING = Decimal(0)


class Foldable(charge.Owed, Protocol):
    """What is needed of a record, beside what decides whether it is charged."""

    @property
    def id(self) -> str: ...
    @property
    def timestamp(self) -> str: ...
    @property
    def key_id(self) -> str: ...
    @property
    def budgets(self) -> tuple[str, ...]: ...
    @property
    def charged(self) -> str | None: ...
    @property
    def held(self) -> Mapping[str, int]: ...


class Fold:
    """Adds up; `settlements` is what came together."""

    def __init__(self) -> None:
        self._spent: dict[tuple[str, int], Spent] = {}
        self._settled: dict[tuple[str, str], int] = {}
        self._truths: dict[str, int] = {}
        self._last_used: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._spent) + len(self._settled) + len(self._truths)

    def add(self, record: Foldable) -> None:
        """Money and tokens of a request, and what the data plane held for it."""
        usage = record.usage
        free = charge.is_forgiven(record.status, record.ended, record.error_type, usage, stream=record.stream)
        tokens = _tokens(usage) if charge.counts_tokens(record.duplicate_of, free=free) else 0
        spent = Spent(Decimal(record.charged) if record.charged else _NOTHING, tokens, 1)
        minute, seconds = _minute(record.timestamp[:16]), record.timestamp[17:23]
        quarter = minute // QUARTER
        if record.key_id:
            account = f"key/{record.key_id}"
            self._spend(account, quarter, spent)
            at = minute * 1000 + int(seconds[:2]) * 1000 + int(seconds[3:6])
            if at > self._last_used.get(account, -1):
                self._last_used[account] = at
        for account in record.budgets:
            self._spend(account, quarter, spent)
        if record.held:
            self._settle(record, free=free)

    def post(self, posting: Posting) -> None:
        """What is given lowers what counts as spent."""
        quarter = _minute(posting.timestamp[:16]) // QUARTER
        self._spend(posting.account, quarter, Spent(EXACT.minus(Decimal(posting.amount)), 0, 0))

    def settlements(self) -> Settlements:
        return Settlements(self._spent, self._settled, self._truths, self._last_used)

    def _spend(self, account: str, quarter: int, more: Spent) -> None:
        before = self._spent.get((account, quarter))
        self._spent[account, quarter] = before.plus(more) if before else more

    def _settle(self, record: Foldable, *, free: bool) -> None:
        epoch = record.id.rpartition("-")[0]
        for purse, amount in record.held.items():
            if purse[0] == "c":
                continue  # slots go back by themselves
            self._settled[epoch, purse] = self._settled.get((epoch, purse), 0) + amount
            if "." in purse:
                self._truths[purse] = self._truths.get(purse, 0) + _truth(purse[0], amount, record, free=free)


def _truth(unit: str, amount: int, record: Foldable, *, free: bool) -> int:
    """What a rate counts: where a request went through and nobody knows its tokens, what it had taken (never above a limit)."""
    usage = record.usage
    if unit == "r":
        return amount
    if usage.input_tokens is None and usage.output_tokens is None:
        is_unused = (free and record.ended != "worker_lost") or charge.is_refused(record.status, usage)
        return 0 if is_unused else amount
    match unit:
        case "i":
            return min(usage.input_tokens or 0, _MOST)
        case "o":
            return min(usage.output_tokens or 0, _MOST)
        case _:
            return _tokens(usage)


def _tokens(usage: Usage) -> int:
    return min((usage.input_tokens or 0) + (usage.output_tokens or 0), _MOST)


@lru_cache(maxsize=4096)
def _minute(text: str) -> int:
    """Unix seconds of `2026-11-21T16:05` in UTC."""
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC).timestamp())
