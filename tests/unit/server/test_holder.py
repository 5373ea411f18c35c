"""Which limit an account belongs to, told from its name alone."""

import pytest
from tests.unit.decide.bundles import entry, make, model, terms

from ostiary_gateway.contract.limits import Budget, Rate
from ostiary_gateway.decide.index import Index
from ostiary_gateway.limits.terms import limits_of
from ostiary_gateway.server.holder import limit_of

SHARED = Budget(id="team/all", amount="5", period="daily")
OWN = Budget(amount="1")
RATES = (Rate(unit="requests", window="minute", most=7), Rate(unit="tokens", window="day", most=9, per="model"))
MODEL = "vendor/gpt#1"


@pytest.fixture(scope="module")
def index() -> Index:
    text = terms(rates=RATES, concurrency=2, concurrency_per_model=1, budget=OWN, budgets=(SHARED.id,))
    return Index.build(make([entry(id="team/key", terms=text)], models=(model(MODEL, "openai/a"),), budgets=(SHARED,)))


def test_each_limit_is_found_again_by_the_name_of_its_account(index):
    found = limits_of("team/key", index.key("team/key").terms, index.budgets, MODEL)
    assert len(found) == 6
    for limit in found:
        assert limit_of(index, limit.account) == limit


@pytest.mark.parametrize(
    "account", ["key/team/other#slots", "key/team/key#requests/hour", "budget/team/gone#daily", "nonsense", ""]
)
def test_what_is_no_limit_any_more_is_none(index, account):
    assert limit_of(index, account) is None
