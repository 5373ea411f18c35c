"""Events at thresholds: each once in a period, of a Budget and of a key's own budget."""

from typing import Any

import pytest

from ostiary_operator.api import decode
from ostiary_operator.api.apikey import ApiKeyStatus, KeyUsage
from ostiary_operator.api.budget import BudgetStatus
from ostiary_operator.reconcile.thresholds import crossed

MONTH, NEXT = "monthly 2026-11", "monthly 2026-12"


def events(before: tuple[str, int | None], after: tuple[str, int | None], **spec: Any) -> list[tuple[str, str]]:
    obj = {"metadata": {"name": "b", "namespace": "team"}, "spec": {"amount": "10", **spec}}
    status = {"period": before[0], "percent": before[1]} if before[1] is not None else {}
    budget = decode.budget({**obj, "status": status})
    new = BudgetStatus(spent="8.00", limit="10.00", unit="USD", period=after[0], percent=after[1])
    return [(notice.kind, notice.reason) for notice in crossed({}, budget, new)]


REACHED, SPENT = [("Normal", "BudgetThresholdReached")], [("Warning", "BudgetSpent")]
CASES: list[tuple[tuple[str, int | None], tuple[str, int | None], list[tuple[str, str]]]] = [
    (("", None), (MONTH, 49), []),
    (("", None), (MONTH, 50), REACHED),
    ((MONTH, 49), (MONTH, 50), REACHED),
    ((MONTH, 50), (MONTH, 79), []),
    ((MONTH, 50), (MONTH, 85), REACHED),
    ((MONTH, 10), (MONTH, 99), REACHED),
    ((MONTH, 10), (MONTH, 100), SPENT),
    ((MONTH, 100), (MONTH, 150), []),
    ((MONTH, 100), (NEXT, 3), []),
    ((MONTH, 100), (NEXT, 60), REACHED),
    ((MONTH, 60), ("", None), []),
    ((MONTH, 60), (MONTH, 40), []),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_a_threshold_is_told_once_in_a_period(
    before: tuple[str, int | None], after: tuple[str, int | None], expected: list[tuple[str, str]]
) -> None:
    assert events(before, after) == expected


def test_thresholds_are_those_of_the_budget() -> None:
    assert events((MONTH, 0), (MONTH, 100), thresholdPercents=[]) == []
    assert events((MONTH, 0), (MONTH, 10), thresholdPercents=[10]) == REACHED


def test_a_key_with_a_budget_of_its_own_tells_it_too() -> None:
    spec = {"sha256": "a" * 64, "budget": {"tokens": 100, "action": "Warn"}}
    key = decode.api_key({"metadata": {"name": "k", "namespace": "team"}, "spec": spec})
    usage = KeyUsage(spent="0.10", tokens=120, budget="100", unit="Tokens", percent=120, period=MONTH)
    (notice,) = crossed({}, key, ApiKeyStatus(usage=usage))
    said = "100 % or more of the budget is spent: 120 of 100 Tokens in monthly 2026-11; requests are still served"
    assert (notice.reason, notice.message) == ("BudgetSpent", said)
    assert crossed({}, key, ApiKeyStatus()) == []


def test_a_key_without_a_budget_says_nothing() -> None:
    key = decode.api_key({"metadata": {"name": "k", "namespace": "team"}, "spec": {"sha256": "a" * 64}})
    assert crossed({}, key, ApiKeyStatus(usage=KeyUsage(spent="1000", period=MONTH))) == []
