import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ostiary_gateway.contract.decision import Refusal
from ostiary_gateway.contract.lease import Lease, Shortage
from ostiary_gateway.telemetry.labels import CODES
from ostiary_gateway.telemetry.limits import BudgetNumbers, LimitNumbers, kind


def shortage(purse, code="rate_limit_exceeded"):
    return Shortage(refusal=Refusal(status=429, code=code, message=""), purse=purse, retry_after_ms=0)


@pytest.mark.parametrize(
    ("purse", "label"),
    [
        ("r0a1b2c3d4e5f", "requests"),
        ("t0a1b2c3d4e5f", "tokens"),
        ("i0a1b2c3d4e5f", "input_tokens"),
        ("o0a1b2c3d4e5f", "output_tokens"),
        ("c0a1b2c3d4e5f", "concurrency"),
        ("m0a1b2c3d4e5f", "budget"),
        ("k0a1b2c3d4e5f", "budget"),
        ("", "other"),
    ],
)
def test_refusals_have_the_label_of_the_limit_that_was_short(purse, label):
    assert kind(shortage(purse)) == label


def test_what_others_reserved_has_a_label_of_its_own():
    assert kind(shortage("m0a1b2c3d4e5f", "budget_reserved")) == "budget_reserved"


@pytest.mark.parametrize(
    "code", ["rate_limit_exceeded", "concurrency_exceeded", "budget_exceeded", "budget_reserved", "model_pricing_missing"]
)
def test_codes_of_limits_are_in_the_closed_list(code):
    assert code in CODES


def test_budgets_are_told_in_their_own_unit():
    registry = CollectorRegistry()
    numbers = LimitNumbers(registry)
    numbers.watch_budgets(lambda: [BudgetNumbers("prod/a", "usd", 1.5, 10.0), BudgetNumbers("prod/b", "tokens", 7, 100)])
    numbers.crossed("prod/a", 80)
    numbers.unpriced("openai")
    numbers.leased(Lease())
    text = generate_latest(registry).decode()
    for line in (
        'ostiary_budget_spent_usd{budget="prod/a"} 1.5',
        'ostiary_budget_limit_usd{budget="prod/a"} 10.0',
        'ostiary_budget_spent_tokens{budget="prod/b"} 7.0',
        'ostiary_budget_limit_tokens{budget="prod/b"} 100.0',
        'ostiary_budget_threshold_crossed_total{budget="prod/a",percent="80"} 1.0',
        'ostiary_unpriced_requests_total{provider="openai"} 1.0',
        'ostiary_leases_total{outcome="granted"} 1.0',
    ):
        assert line in text
