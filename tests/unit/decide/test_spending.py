"""What a decision says of limits: purses, the dearest price, and models that nobody knows the price of."""

import msgspec
import pytest
from tests.unit.decide.bundles import ANTHROPIC, KEY, OPENAI, SECOND, SECRETS, entry, make, model, priced, sha, terms

from ostiary_gateway.contract.bundle import BundleError
from ostiary_gateway.contract.decision import Ask
from ostiary_gateway.contract.limits import Budget, Rate, purse_name
from ostiary_gateway.contract.price import Price
from ostiary_gateway.decide.index import Index, Sources
from ostiary_gateway.decide.keys import key_of

NOW = 1_800_000_000_000
PER_MINUTE = Rate(unit="requests", window="minute", most=5)
MONEY = Budget(amount="10")
CHEAP = priced("both", "openai/a", "1", "2")
DEAR = priced("both", "second/b", "0.5", "30")
BOTH = msgspec.structs.replace(CHEAP, backends=(*CHEAP.backends, *DEAR.backends), max_output_tokens=1000)
TEAM = Budget(id="prod/team", amount="10")


def index(*models, shared=(), sources=Sources(), providers=(OPENAI, SECOND, ANTHROPIC), **limits):  # noqa: B008 - a value
    bundle = make([entry(terms=terms(**limits))], models=models, budgets=shared, providers=providers, credentials=SECRETS)
    return Index.build(bundle, None, sources)


def decide(made, target, surface="managed", **more):
    return made.decide(Ask(key=sha(KEY), surface=surface, target=target, **more), NOW)


def refused(decision):
    assert decision.spend is None
    return decision.refusal.status, decision.refusal.code, decision.refusal.message


def test_a_key_without_limits_pays_nothing():
    assert decide(index(BOTH), "both").spend is None
    assert decide(index(BOTH, labels={"team": "a"}), "both").spend is None


def test_tp_09_a_budget_that_only_warns_limits_nothing():
    warns = msgspec.structs.replace(TEAM, action="warn")
    assert decide(index(BOTH, shared=(warns,), budget=warns, budgets=("prod/team",)), "both").spend is None


def test_gz_03_the_dearest_backend_that_the_request_may_reach_counts():
    spend = decide(index(BOTH, budget=MONEY), "both").spend
    assert (spend.input_price, spend.output_price) == (1_000_000, 30_000_000)
    assert (spend.max_output_tokens, spend.cap_output, spend.by_model) == (1000, True, False)
    (purse,) = spend.purses
    assert purse.name == purse_name("m", f"key/id-{KEY}#monthly")


def test_a_backend_without_credential_cannot_be_reached():
    made = index(BOTH, providers=(OPENAI, msgspec.structs.replace(SECOND, id="prod/none")), budget=MONEY)
    assert decide(made, "both").spend.output_price == 2_000_000


def test_a_model_without_a_maximum_reserves_the_settings():
    spend = decide(index(CHEAP, sources=Sources(max_output_tokens=77), budget=MONEY), "both").spend
    assert (spend.max_output_tokens, spend.cap_output) == (77, False)


def test_limits_per_model_are_of_the_resolved_name():
    rate = msgspec.structs.replace(PER_MINUTE, per="model")
    aliased = msgspec.structs.replace(CHEAP, aliases=("other",))
    made = index(aliased, rates=(rate,))
    (purse,) = decide(made, "other").spend.purses
    assert purse.name == purse_name("r", f"key/id-{KEY}/both#requests/minute")
    assert purse.shown == "requests"
    assert decide(made, "").spend is None


@pytest.mark.parametrize(
    ("on_unpriced", "model_name", "price"),
    [("", "llama-x", 20_000_000), ("default", "gpt-4-mine", 20_000_000), ("allow", "gpt-4-mine", 0)],
)
def test_gz_11_a_model_without_a_price(on_unpriced, model_name, price):
    made = index(model("mine", f"openai/{model_name}"), budget=MONEY, on_unpriced=on_unpriced)
    spend = decide(made, "mine").spend
    assert (spend.input_price, spend.output_price) == (price, price)


@pytest.mark.parametrize(
    ("name", "limits"),
    [("gpt-4-mine", {"budget": MONEY}), ("llama-x", {"on_unpriced": "reject"}), ("o3-x", {"budgets": ("prod/team",)})],
)
def test_gz_11_is_refused_before_a_provider_is_called(name, limits):
    made = index(model("mine", f"openai/{name}"), shared=(TEAM,), **limits)
    message = "no price is known for model mine (model_pricing_missing)"
    assert refused(decide(made, "mine")) == (422, "model_pricing_missing", message)
    passed = decide(made, "openai", "pass_through", model=name)
    assert refused(passed)[:2] == (422, "model_pricing_missing")


def test_gz_11_one_backend_without_a_price_is_enough():
    mixed = msgspec.structs.replace(CHEAP, backends=(*CHEAP.backends, *model("x", "second/gpt-5-new").backends))
    assert refused(decide(index(mixed, budget=MONEY), "both"))[0] == 422


def test_gz_11_a_budget_of_tokens_needs_no_price():
    assert decide(index(model("mine", "openai/gpt-4-mine"), budget=Budget(tokens=5)), "mine").spend.input_price == 0


def test_pass_through_is_asked_again_with_the_model_where_it_matters():
    made = index(rates=(PER_MINUTE,), budget=MONEY)
    first = decide(made, "openai", "pass_through").spend
    assert (first.by_model, first.input_price) == (True, 20_000_000)
    second = decide(made, "openai", "pass_through", model="gpt-4o").spend
    assert (second.by_model, second.purses) == (False, first.purses)
    assert 0 < second.input_price < 20_000_000


def test_pass_through_is_not_asked_again_for_requests_and_slots_alone():
    spend = decide(index(rates=(PER_MINUTE,), concurrency=4), "openai", "pass_through").spend
    assert (spend.by_model, [purse.name[0] for purse in spend.purses]) == (False, ["r", "c"])


@pytest.mark.parametrize(
    "limits",
    [{"rates": (msgspec.structs.replace(PER_MINUTE, per="model"),)}, {"concurrency_per_model": 2}, {"on_unpriced": "reject"}],
)
def test_pass_through_with_limits_per_model_alone_is_asked_again(limits):
    made = index(**limits)
    first = decide(made, "openai", "pass_through").spend
    assert (first.by_model, first.purses) == (True, ())
    second = decide(made, "openai", "pass_through", model="gpt-4o").spend
    assert second is None or [purse.name[0] for purse in second.purses] in (["r"], ["c"])


def test_prices_may_come_from_elsewhere():
    class Book:
        def rates(self, prefix, name, price):
            assert (prefix, name, price) == ("openai", "a", Price(input="1", output="2"))

    made = index(CHEAP, sources=Sources(prices=Book), budget=MONEY, on_unpriced="allow")
    assert decide(made, "both").spend.input_price == 0


def test_a_key_from_a_store_is_vouched_for_a_second():
    class Store:
        def find(self, sha256):
            return key_of(stored, volatile=True) if sha256 == stored.sha256 else None

        def named(self, key_id):
            return key_of(stored, volatile=True) if key_id == stored.id else None

    stored = entry("sk-stored", terms=terms(concurrency=3), expires="2099-01-01T00:00:00Z")
    made = index(CHEAP, sources=Sources(keys=Store()))
    decision = made.decide(Ask(key=sha("sk-stored"), surface="managed", target="both"), NOW)
    assert (decision.identity.key_id, decision.expires_ms) == ("id-sk-stored", NOW + 1000)
    assert decision.spend.purses[0].name[0] == "c"
    assert made.key("id-sk-stored").terms.concurrency == 3
    assert made.key(f"id-{KEY}").identity.owner == "team"
    assert made.key("nobody") is None
    assert made.identify(sha("sk-other"), NOW).code == "invalid_api_key"


def test_terms_that_cannot_be_read_make_no_bundle():
    with pytest.raises(BundleError, match="terms"):
        Index.build(make([entry(terms='{"concurrency":"many"}')]))


def test_many_keys_with_the_same_terms_hold_them_once():
    made = Index.build(make([entry(f"sk-{n}", terms=terms(concurrency=9)) for n in range(3)]))
    assert len({id(made.key(f"id-sk-{n}").terms) for n in range(3)}) == 1
