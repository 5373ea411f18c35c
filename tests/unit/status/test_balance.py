"""Money as statuses write it: what is spent and what remains add up to the limit, to the last digit that is shown."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_operator.api.budget import KeyBudget
from ostiary_operator.status.statement import balance, money

AMOUNTS = st.decimals(min_value=Decimal("0.000001"), max_value=Decimal(999_999_999), places=6)
SPENT = st.decimals(min_value=Decimal(0), max_value=Decimal(999_999_999), places=12)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"), ("1", "1.00"), ("0.1", "0.10"), ("12.345", "12.345"), ("0.0000004", "0.00"), ("0.0000005", "0.000001"),
        ("1000000", "1000000.00"), ("1E+3", "1000.00"), ("-2.5", "-2.50"), ("0.123456789", "0.123457"), ("-0.0000001", "0.00"),
    ],
)  # fmt: skip
def test_dollars_have_two_decimals_and_up_to_six(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


@given(AMOUNTS, SPENT)
def test_spent_and_remaining_are_the_limit(amount: Decimal, spent: Decimal) -> None:
    found = balance(KeyBudget(amount=f"{amount:f}"), spent, 0)
    remaining = Decimal(found.remaining)
    assert remaining >= 0
    if remaining:
        assert Decimal(found.spent) + remaining == Decimal(found.limit)
    assert (found.percent >= 100) == (spent >= amount)


@given(st.integers(1, 10**15), st.integers(0, 10**16))
def test_so_are_tokens(limit: int, used: int) -> None:
    found = balance(KeyBudget(tokens=limit), Decimal(0), used)
    assert int(found.remaining) == max(0, limit - used)
    assert (found.percent >= 100) == (used >= limit)
