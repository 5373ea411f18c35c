"""What each replica's ledger says of money and use, added up. Pure.

Each replica tells the sums of its own ledger, all of them or what changed since it was asked last. Of one that is away its last
numbers count until it is back: the money is spent. Numbers of a period that is over count for nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from ostiary_operator.status import Account, Sharing, Statement

_DAY = len("2026-11-21")
MOST = 500  # accounts that change from one statement to the next: so many statuses are written in a few seconds


class ReportError(ValueError):
    """A replica's answer is no statement."""


class KeyReport(msgspec.Struct, frozen=True):
    """A key's account in one replica's ledger."""

    spent: str = "0"
    tokens: int = 0
    requests_today: int = 0
    last_used: str = ""
    period: str = ""


class BudgetReport(msgspec.Struct, frozen=True):
    """A Budget's account in one replica's ledger."""

    spent: str = "0"
    tokens: int = 0
    period: str = ""
    ends: str = ""


class SharingReport(msgspec.Struct, frozen=True):
    mode: Literal["local", "valkey"] = "local"
    problem: str = ""
    bound: str = ""


class Report(msgspec.Struct, frozen=True):
    """One replica's answer. `complete`: it holds everything; else only what changed since the cursor that was shown."""

    cursor: str = ""
    complete: bool = False
    keys: dict[str, KeyReport] = {}
    budgets: dict[str, BudgetReport] = {}
    unpriced: tuple[str, ...] = ()
    sharing: SharingReport = SharingReport()


@dataclass(frozen=True, slots=True)
class _Replica:
    heard: int
    report: Report


def read(content: bytes) -> Report:
    """A replica's answer.

    Raises:
        ReportError: it is none.
    """
    try:
        report = msgspec.json.decode(content, type=Report)
        for spent in (*(each.spent for each in report.keys.values()), *(each.spent for each in report.budgets.values())):
            Decimal(spent)
    except (msgspec.DecodeError, InvalidOperation) as error:
        raise ReportError(str(error)) from error
    return report


class Statements:
    """Keeps what was heard. `told` is what statuses are to say; it changes when `settle` is asked to."""

    def __init__(self, expected: int = 1) -> None:
        self._expected = expected
        self._replicas: dict[str, _Replica] = {}
        self._heard = 0
        self.told: Statement | None = None

    def cursor(self, replica: str) -> str:
        """What to ask a replica with; empty asks for everything."""
        known = self._replicas.get(replica)
        return known.report.cursor if known else ""

    def hear(self, replica: str, report: Report) -> None:
        """Take a replica's answer; one that is not complete says nothing of a replica that was not heard of before."""
        known = self._replicas.get(replica)
        if known is None and not report.complete:
            return
        self._heard += 1
        if known and not report.complete:
            keys, budgets = known.report.keys | report.keys, known.report.budgets | report.budgets
            report = msgspec.structs.replace(report, keys=keys, budgets=budgets)
        self._replicas[replica] = _Replica(self._heard, report)

    def forget(self) -> None:
        """Somebody else has told statuses since."""
        self.told = None

    def settle(self, present: Collection[str], now: datetime) -> bool:
        """Let `told` follow what was heard; False if it says the same. `present` are the replicas that there are now."""
        if not self._replicas:
            return False
        new = self._sum(present, now)
        if self.told is not None:
            new = replace(new, keys=_paced(self.told.keys, new.keys))
        changed = new != self.told
        self.told = new
        return changed

    def _sum(self, present: Collection[str], now: datetime) -> Statement:
        latest_first = sorted(self._replicas.values(), key=lambda each: each.heard, reverse=True)
        reports = [each.report for each in latest_first]
        today = now.date().isoformat()
        unpriced = {name for report in reports for name in report.unpriced}
        known = self._replicas.keys()
        return Statement(
            keys={key: _key([r.keys[key] for r in reports if key in r.keys], today) for key in _all(r.keys for r in reports)},
            budgets={
                key: _budget([r.budgets[key] for r in reports if key in r.budgets]) for key in _all(r.budgets for r in reports)
            },
            unpriced=tuple(sorted(unpriced)),
            sharing=_sharing([self._replicas[name].report for name in sorted(known & set(present) or known)]),
            replicas=max(len(present), self._expected),
            complete=len(known) >= self._expected and set(present) <= known,
        )


def _all(parts: Iterable[Mapping[str, object]]) -> list[str]:
    return sorted({key for part in parts for key in part})


def _key(reports: list[KeyReport], today: str) -> Account:
    """Reports of several replicas, the newest first."""
    period = _newest([each.period for each in reports])
    mine = [each for each in reports if each.period == period]
    return Account(
        period=period,
        spent=sum((Decimal(each.spent) for each in mine), Decimal(0)),
        tokens=sum(each.tokens for each in mine),
        requests_today=sum(each.requests_today for each in reports if each.last_used[:_DAY] == today),
        last_used=max(each.last_used for each in reports),
    )


def _budget(reports: list[BudgetReport]) -> Account:
    period = _newest([each.period for each in reports])
    mine = [each for each in reports if each.period == period]
    return Account(
        period=period,
        ends=max(each.ends for each in mine),
        spent=sum((Decimal(each.spent) for each in mine), Decimal(0)),
        tokens=sum(each.tokens for each in mine),
    )


def _newest(periods: list[str]) -> str:
    """The latest period of the kind that the replica heard last speaks of: others may not know the new kind yet."""
    kind = periods[0].partition(" ")[0]
    return max(period for period in periods if period.partition(" ")[0] == kind)


def _sharing(reports: list[Report]) -> Sharing:
    """A problem of one replica is everybody's."""
    worst = next((each.sharing for each in reports if each.sharing.problem), reports[0].sharing)
    return Sharing(mode=worst.mode, bound=worst.bound, problem=worst.problem)


def _paced(told: Mapping[str, Account], new: Mapping[str, Account]) -> Mapping[str, Account]:
    """No more changes than can be written before the next statement; those that waited longest first."""
    changed = [key for key in new if new[key] != told.get(key)]
    if len(changed) <= MOST:
        return new
    turn = {key: place for place, key in enumerate(told)}
    first = sorted(changed, key=lambda key: turn.get(key, -1))[:MOST]
    kept = {key: account for key, account in told.items() if key in new and key not in set(first)}
    return kept | {key: new[key] for key in first}
