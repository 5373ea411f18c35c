"""The sums over replicas: what each one said last, what it may not know yet, and what is over."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ostiary_operator.reconcile.statements import MOST, Report, ReportError, Statements, read
from ostiary_operator.status import Account, Sharing

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MONTH = "monthly 2026-11"
LATELY = "2026-11-21T11:00:00Z"


def key(
    spent: str, tokens: int = 0, *, today: int = 0, used: str = "2026-11-21T11:00:00Z", period: str = MONTH
) -> dict[str, Any]:
    return {"spent": spent, "tokens": tokens, "requests_today": today, "last_used": used, "period": period}


def report(*, complete: bool = True, cursor: str = "c", **keys: dict[str, Any]) -> Report:
    return read(msgspec.json.encode({"cursor": cursor, "complete": complete, "keys": keys}))


# Each case: what replicas said in order, and what k's account is then (spent, tokens, requests today, period).
A, B = "gateway-0", "gateway-1"
CASES: dict[str, tuple[list[tuple[str, Report]], tuple[str, int, int, str]]] = {
    "one replica": ([(A, report(k=key("1.5", 10, today=2)))], ("1.5", 10, 2, MONTH)),
    "two replicas add up": (
        [(A, report(k=key("0.1", 10, today=2))), (B, report(k=key("0.2", 5, today=1)))],
        ("0.3", 15, 3, MONTH),
    ),
    "a change replaces what the same replica said": (
        [(A, report(k=key("1", 10))), (B, report(k=key("2", 20))), (A, report(complete=False, k=key("3", 30)))],
        ("5", 50, 0, MONTH),
    ),
    "a change without the key leaves it": (
        [(A, report(k=key("1", 10))), (A, report(complete=False, other=key("3", 30)))],
        ("1", 10, 0, MONTH),
    ),
    "a replica that came back with less counts by its own word": (
        [(A, report(k=key("4", 40))), (B, report(k=key("1", 1))), (A, report(k=key("0.5", 5)))],
        ("1.5", 6, 0, MONTH),
    ),
    "a replica that lost its ledger and knows nothing of the key": (
        [(A, report(k=key("4", 40))), (B, report(k=key("1", 1))), (A, report())],
        ("1", 1, 0, MONTH),
    ),
    "what a replica said last counts while it is away, though it would be another month": (
        [(A, report(k=key("4", 40))), (B, report(k=key("1", 1))), (B, report(complete=False, k=key("2", 2)))],
        ("6", 42, 0, MONTH),
    ),
    "numbers of a month that is over count for nothing": (
        [(A, report(k=key("4", 40, period="monthly 2026-10"))), (B, report(k=key("1", 1)))],
        ("1", 1, 0, MONTH),
    ),
    "the replica that is ahead counts, whoever spoke last": (
        [(B, report(k=key("1", 1, period="monthly 2026-12"))), (A, report(k=key("4", 40)))],
        ("1", 1, 0, "monthly 2026-12"),
    ),
    "another kind of period counts from the replica that spoke last": (
        [(A, report(k=key("4", 40))), (B, report(k=key("1", 1, period="daily 2026-11-21")))],
        ("1", 1, 0, "daily 2026-11-21"),
    ),
    "weeks of two years": (
        [(A, report(k=key("4", 40, period="weekly 2026-W53"))), (B, report(k=key("1", 1, period="weekly 2027-W01")))],
        ("1", 1, 0, "weekly 2027-W01"),
    ),
    "requests of yesterday are not of today, of whichever replica": (
        [(A, report(k=key("1", 1, today=9, used="2026-11-20T23:59:59Z"))), (B, report(k=key("1", 1, today=2)))],
        ("2", 2, 2, MONTH),
    ),
    "money is added exactly": (
        [(A, report(k=key("0.1"))), (B, report(k=key("0.2"))), ("gateway-2", report(k=key("0.000000001")))],
        ("0.300000001", 0, 0, MONTH),
    ),
    "credits": ([(A, report(k=key("1"))), (B, report(k=key("-2.5")))], ("-1.5", 0, 0, MONTH)),
}


@pytest.mark.parametrize("name", CASES)
def test_tp_19_the_sum_over_replicas(name: str) -> None:
    said, (spent, tokens, today, period) = CASES[name]
    statements = Statements()
    for replica, each in said:
        statements.hear(replica, each)
    assert statements.settle({A, B}, NOW)
    assert statements.told is not None
    account = statements.told.keys["k"]
    assert (account.spent, account.tokens, account.requests_today, account.period) == (Decimal(spent), tokens, today, period)


def test_the_last_use_is_that_of_any_replica() -> None:
    statements = Statements()
    statements.hear(A, report(k=key("1", used="2026-11-21T11:30:00Z")))
    statements.hear(B, report(k=key("1", used="2026-11-21T10:00:00Z")))
    statements.settle({A, B}, NOW)
    assert statements.told
    assert statements.told.keys["k"].last_used == "2026-11-21T11:30:00Z"


def test_nothing_is_told_before_anybody_was_heard_and_nothing_twice() -> None:
    statements = Statements()
    assert not statements.settle({A}, NOW)
    assert statements.told is None
    statements.hear(A, report(k=key("1")))
    assert statements.settle({A}, NOW)
    assert not statements.settle({A}, NOW)
    statements.hear(A, report(complete=False, cursor="d"))
    assert not statements.settle({A}, NOW)
    assert statements.cursor(A) == "d"
    assert statements.cursor(B) == ""


def test_a_replica_that_is_still_starting_is_not_heard_and_takes_nothing_away() -> None:
    starting = Report(cursor="", complete=False)
    statements = Statements()
    statements.hear(A, starting)
    assert not statements.settle({A}, NOW)
    statements.hear(A, report(k=key("1")))
    statements.settle({A}, NOW)
    statements.hear(A, starting)
    assert not statements.settle({A}, NOW)
    assert statements.cursor(A) == ""
    assert statements.told
    assert statements.told.keys["k"].spent == 1


def test_at_midnight_the_day_begins_anew_without_a_word() -> None:
    statements = Statements()
    statements.hear(A, report(k=key("1", today=5)))
    statements.settle({A}, NOW)
    assert statements.settle({A}, NOW.replace(day=22, hour=0))
    assert statements.told
    assert statements.told.keys["k"].requests_today == 0
    assert statements.told.keys["k"].spent == 1


@pytest.mark.parametrize(
    ("expected", "present", "complete"),
    [(1, {A}, True), (2, {A}, False), (1, {A, B}, False), (1, set(), True), (2, {A, "gateway-2"}, False)],
)
def test_a_sum_is_complete_once_every_replica_was_heard(expected: int, present: set[str], *, complete: bool) -> None:
    statements = Statements(expected)
    statements.hear(A, report(k=key("1")))
    statements.settle(present, NOW)
    assert statements.told
    assert statements.told.complete is complete


def test_a_replica_that_was_heard_once_stays_part_of_the_sum() -> None:
    statements = Statements(2)
    statements.hear(A, report(k=key("1")))
    statements.hear(B, report(k=key("2")))
    statements.settle({A}, NOW)
    assert statements.told
    assert (statements.told.complete, statements.told.keys["k"].spent) == (True, 3)


def test_budgets_add_up_within_their_period() -> None:
    def told(spent: str, period: str, ends: str) -> Report:
        budgets = {"team/b": {"spent": spent, "tokens": 5, "period": period, "ends": ends}}
        return read(msgspec.json.encode({"cursor": "c", "complete": True, "budgets": budgets}))

    statements = Statements()
    statements.hear(A, told("7", "daily 2026-11-20", "2026-11-21T00:00:00Z"))
    statements.hear(B, told("1", "daily 2026-11-21", "2026-11-22T00:00:00Z"))
    statements.hear("gateway-2", told("2", "daily 2026-11-21", "2026-11-22T00:00:00Z"))
    statements.settle({A, B}, NOW)
    assert statements.told
    assert statements.told.budgets == {
        "team/b": Account(period="daily 2026-11-21", ends="2026-11-22T00:00:00Z", spent=Decimal(3), tokens=10)
    }


def test_a_problem_of_one_replica_is_told_and_those_that_left_have_no_say() -> None:
    def told(mode: str, problem: str = "") -> Report:
        sharing = {"mode": mode, "problem": problem, "bound": "b"}
        return read(msgspec.json.encode({"cursor": "c", "complete": True, "sharing": sharing, "unpriced": [f"openai/{problem}"]}))

    statements = Statements()
    statements.hear(A, told("valkey"))
    statements.hear(B, told("valkey", "away"))
    statements.settle({A, B}, NOW)
    assert statements.told
    assert statements.told.sharing == Sharing("valkey", "b", "away")
    assert statements.told.unpriced == ("openai/", "openai/away")
    statements.settle({A}, NOW)
    assert statements.told.sharing == Sharing("valkey", "b", "")


def test_more_changes_than_can_be_written_wait_their_turn() -> None:
    count = MOST + 100
    statements = Statements()
    statements.hear(A, report(**{f"k{n:04}": key("0") for n in range(count)}))
    statements.settle({A}, NOW)
    statements.hear(A, report(**{f"k{n:04}": key("1") for n in range(count)}))
    statements.settle({A}, NOW)
    assert statements.told
    assert sum(account.spent for account in statements.told.keys.values()) == MOST
    statements.hear(A, report(**{f"k{n:04}": key("2") for n in range(count)}))
    statements.settle({A}, NOW)
    values = [account.spent for account in statements.told.keys.values()]
    assert (values.count(Decimal(0)), values.count(Decimal(1)), values.count(Decimal(2))) == (0, 100, MOST)
    statements.settle({A}, NOW)
    assert {account.spent for account in statements.told.keys.values()} == {Decimal(2)}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"keys": {"k": {"spent": "much"}}}', b'{"sharing": {"mode": "redis"}}'])
def test_what_is_no_statement_is_refused(content: bytes) -> None:
    with pytest.raises(ReportError):
        read(content)
