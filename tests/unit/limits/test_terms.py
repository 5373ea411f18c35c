import pytest

from ostiary_gateway.contract.limits import Budget, Rate, Terms, purse_name
from ostiary_gateway.limits.expensive import is_dear, on_unpriced
from ostiary_gateway.limits.terms import limits_of, nanodollars

TEAM = Budget(id="prod/team", amount="100", period="weekly")
WATCHED = Budget(id="prod/watched", amount="5", action="warn")
BUDGETS = {TEAM.id: TEAM, WATCHED.id: WATCHED}
FULL = Terms(
    rates=(
        Rate(unit="output_tokens", window="minute", most=5),
        Rate(unit="tokens", window="minute", most=10, per="model"),
        Rate(unit="requests", window="second", most=3),
        Rate(unit="requests", window="day", most=0),
    ),
    concurrency=7,
    concurrency_per_model=2,
    budget=Budget(tokens=1000, period="daily"),
    budgets=("prod/team", "prod/watched", "prod/gone"),
)


def accounts(terms, model):
    return [(limit.unit, limit.account, limit.most) for limit in limits_of("k", terms, BUDGETS, model)]


def test_tp_15_limits_come_in_the_order_in_which_they_refuse_and_zero_is_none():
    assert accounts(FULL, "gpt") == [
        ("r", "key/k#requests/second", 3),
        ("t", "key/k/gpt#tokens/minute", 10),
        ("o", "key/k#output_tokens/minute", 5),
        ("c", "key/k#slots", 7),
        ("c", "key/k/gpt#slots", 2),
        ("m", "budget/prod/team#weekly", 100 * 10**9),
        ("k", "key/k#daily", 1000),
    ]


def test_without_a_model_nothing_is_limited_per_model():
    assert [unit for unit, _, _ in accounts(FULL, "")] == ["r", "o", "c", "m", "k"]


def test_a_budget_that_warns_refuses_nothing():
    assert accounts(Terms(budget=WATCHED, budgets=("prod/watched",)), "m") == []


def test_purses_are_named_by_unit_and_account_and_slots_by_window():
    first, *_, last = limits_of("k", FULL, BUDGETS, "gpt")
    assert (first.purse, first.slot_ms, first.window_ms) == (purse_name("r", "key/k#requests/second"), 50, 1000)
    assert (first.as_purse.shown, last.as_purse.shown, last.slot_ms) == ("requests", "", 0)


@pytest.mark.parametrize(("amount", "nano"), [("1", 10**9), ("0.0000000019", 1), ("", 0), ("-3", 0), ("NaN", 0), ("1e3", 10**12)])
def test_amounts_are_whole_nanodollars_rounded_down(amount, nano):
    assert nanodollars(amount) == nano


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4",
        "gpt-4o-mini",
        "GPT-5-pro",
        "o1-preview",
        "o3-mini",
        "o4-mini",
        "openai/gpt-4o",
        "us.anthropic.claude-3-5-sonnet",
        "claude-opus-4",
        "claude-sonnet-4-5",
        "gemini-1.5-pro",
        "gemini-2.5-flash",
        "models/gemini-pro",
    ],
)
def test_gz_11_names_that_are_dear(name):
    assert is_dear(name)


@pytest.mark.parametrize(
    "name", ["gpt-3.5-turbo", "llama-3", "my-gpt-40", "mistral-large", "pro1-x", "echo", "gemma-2", "claude-2"]
)
def test_gz_11_names_that_are_not(name):
    assert not is_dear(name)


@pytest.mark.parametrize(
    ("terms", "name", "answer"),
    [
        (Terms(), "gpt-4", "allow"),
        (Terms(budget=WATCHED), "gpt-4", "allow"),
        (Terms(budget=Budget(tokens=5)), "gpt-4", "allow"),
        (Terms(budgets=("prod/team",)), "gpt-4", "reject"),
        (Terms(budgets=("prod/team",)), "llama-3", "default"),
        (Terms(budgets=("prod/team",), on_unpriced="default"), "gpt-4", "default"),
        (Terms(on_unpriced="reject"), "llama-3", "reject"),
        (Terms(budget=TEAM, on_unpriced="allow"), "gpt-4", "allow"),
    ],
)
def test_gz_11_money_that_may_run_out_is_protected_from_models_without_a_price(terms, name, answer):
    assert on_unpriced(terms, BUDGETS, name) == answer
