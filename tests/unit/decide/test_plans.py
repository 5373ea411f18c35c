"""What nginx is told of a Model: one backend where nothing else can happen, else a plan."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.decide.bundles import ANTHROPIC, CREDENTIAL, KEY, OPENAI, SECOND, SECRETS, entry, make, model, sha

from ostiary_gateway.contract.decision import Ask, Decision
from ostiary_gateway.contract.model import Breaker, Matcher, RetryPolicy, Route, StatusRule, Timeouts
from ostiary_gateway.contract.price import Price
from ostiary_gateway.decide.index import Index

PROVIDERS = (OPENAI, SECOND, ANTHROPIC)
POLICY = RetryPolicy()
BOTH = ("openai/gpt-4o", "second/gpt-4o")


def decide(made, *, asked="", providers=PROVIDERS, credentials=SECRETS):
    bundle = make([entry()], providers=providers, credentials=credentials, models=(made,) if made else ())
    index = Index.build(bundle)
    return index.decide(Ask(key=sha(KEY), surface="managed", target=asked or made.name), 0)


def provider(base=OPENAI, **fields):
    return msgspec.structs.replace(base, **fields)


def test_two_backends_are_a_plan_with_both_targets():
    decision = decide(model("smart", *BOTH))
    assert decision.backends == ()
    plan = decision.plan
    assert (plan.model, plan.intercept, plan.policy, plan.routed, plan.guarded) == ("smart", "builtin", None, False, False)
    assert [target.id for target in plan.targets] == ["openai/gpt-4o", "second/gpt-4o"]
    assert [target.credentials for target in plan.targets] == [(f"Bearer {CREDENTIAL}",), ("Bearer sk-second",)]
    assert [target.upstream for target in plan.targets] == ["api_openai_com", "api_second_example"]


@pytest.mark.parametrize(
    "fields",
    [
        {"policy": POLICY},
        {"timeouts": Timeouts(first_byte_ms=1)},
        {"keep_alive_ms": 1},
        {"max_request_bytes": 1},
        {"max_output_tokens": 1},
        {"routes": (Route(name="r", description="", backends=(0,)),)},
        {"matcher": Matcher(type="general")},
    ],
)
def test_one_backend_with_a_rule_on_its_way_is_a_plan(fields):
    decision = decide(model("smart", "openai/gpt-4o", **fields))
    assert decision.backends == ()
    assert len(decision.plan.targets) == 1


@pytest.mark.parametrize(
    ("fields", "guarded"),
    [
        ({"policy": POLICY}, False),
        ({"max_request_bytes": 1}, False),
        ({"timeouts": Timeouts(request_ms=1)}, True),
        ({"timeouts": Timeouts(attempt_ms=1)}, True),
        ({"keep_alive_ms": 1}, True),
    ],
)
def test_only_what_nginx_cannot_do_goes_through_the_guard(fields, guarded):
    assert decide(model("smart", *BOTH, **fields)).plan.guarded is guarded


@pytest.mark.parametrize("fields", [{"headers": (("x-team", "a"),)}, {"drain_ms": 5000}])
def test_pl_35_a_provider_with_headers_or_draining_is_guarded_by_its_prefix_too(fields):
    plan = decide(None, asked="openai/gpt-4o", providers=(provider(**fields),)).plan
    assert (plan.model, plan.guarded) == ("openai/gpt-4o", True)
    assert (plan.targets[0].headers, plan.targets[0].drain_ms) == (fields.get("headers", ()), fields.get("drain_ms", 0))


@pytest.mark.parametrize("asked", ["openai/gpt-4o", "smart"])
def test_a_pool_of_credentials_is_a_plan(asked):
    pool = {OPENAI.id: ["sk-a", "bad\r\n: x", "sk-b", "sk-a"]}
    plan = decide(model("smart", "openai/gpt-4o"), asked=asked, credentials=pool).plan
    assert [target.credentials for target in plan.targets] == [("Bearer sk-a", "Bearer sk-b")]


def test_pass_through_takes_the_first_of_a_pool():
    bundle = make([entry()], credentials={OPENAI.id: ["sk-a", "sk-b"]})
    decision = Index.build(bundle).decide(Ask(key=sha(KEY), surface="pass_through", target="openai"), 0)
    assert decision.backends[0].credential == "Bearer sk-a"


def test_pl_35_passthrough_auth_sends_the_callers_own_credential():
    caller = provider(credential_mode="caller", passthrough_auth=True)
    (target,) = decide(None, asked="openai/gpt-4o", providers=(caller,), credentials={}).plan.targets
    assert (target.credential_header, target.credentials) == ("", ())


def test_pl_35_in_a_plan_such_a_target_has_no_credential_of_ours():
    caller = provider(credential_mode="caller", passthrough_auth=True)
    plan = decide(model("smart", *BOTH), providers=(caller, SECOND)).plan
    assert [(t.credential_header, t.credentials) for t in plan.targets] == [("", ()), ("authorization", ("Bearer sk-second",))]


def test_a_target_without_credential_is_left_out_and_fallbacks_still_mean_the_same():
    policy = RetryPolicy(fallbacks=(0, 2))
    made = model("smart", "openai/a", "anthropic/b", "second/c", policy=policy)
    plan = decide(made).plan
    assert [plan.targets[place].id for place in plan.policy.fallbacks] == ["openai/a", "second/c"]
    plan = decide(made, credentials={SECOND.id: ["sk-second"]}).plan
    assert [target.id for target in plan.targets] == ["second/c"]
    assert plan.policy.fallbacks == (0,)


def test_a_model_of_which_no_backend_has_a_credential_is_refused_not_sent_without():
    refusal = decide(model("smart", *BOTH), credentials={}).refusal
    assert (refusal.status, refusal.code, refusal.message) == (502, "no_credential", "provider error")


def test_what_the_manifests_say_of_a_backend_is_in_its_target():
    made = model("smart", *BOTH, selection="cost")
    first = msgspec.structs.replace(made.backends[0], weight=7, priority=2, retry_only=True, price=Price(input="2", output="6"))
    made = msgspec.structs.replace(made, backends=(first, made.backends[1]))
    breaker = Breaker(failures=2)
    target = decide(made, providers=(provider(breaker=breaker), SECOND)).plan.targets[0]
    assert (target.weight, target.priority, target.retry_only, target.cost, target.breaker) == (7, 2, True, 3.0, breaker)


@pytest.mark.parametrize(("selection", "known"), [("priority", False), ("cost", True), ("balanced", True)])
def test_prices_are_looked_up_where_they_count(selection, known):
    made = model("smart", *BOTH, selection=selection)
    priced = tuple(msgspec.structs.replace(backend, price=Price(input="1")) for backend in made.backends)
    plan = decide(msgspec.structs.replace(made, backends=priced)).plan
    assert all((target.cost >= 0) is known for target in plan.targets)


def test_a_target_knows_how_good_its_model_is():
    first, second = decide(model("smart", "openai/gpt-4o", "second/no-such-model-anywhere")).plan.targets
    assert first.quality > 0 > second.quality


def test_the_statuses_that_a_policy_retries_choose_the_location():
    policy = RetryPolicy(on_status_codes=(StatusRule(codes=((400, 400),), strategy="same_model", max_attempts=1),))
    assert decide(model("smart", *BOTH, policy=policy)).plan.intercept == "policy_400"
    assert decide(model("smart", *BOTH, policy=POLICY)).plan.intercept == "policy"


def test_a_wildcard_model_has_a_plan_of_its_own_for_each_name():
    made = model("gpt-*", "openai/", "second/fixed")
    plan = decide(made, asked="gpt-5").plan
    assert plan.model == "gpt-5"
    assert [target.id for target in plan.targets] == ["openai/gpt-5", "second/fixed"]


def test_names_of_one_model_share_its_plan():
    made = model("smart", *BOTH, aliases=("r1",))
    assert decide(made, asked="R1").plan == decide(made).plan


def test_the_plan_is_what_the_decision_only_endpoint_sees_too():
    index = Index.build(make([entry()], providers=PROVIDERS, credentials=SECRETS, models=(model("smart", *BOTH),)))
    assert index.plan("smart") == index.decide(Ask(key=sha(KEY), surface="managed", target="smart"), 0).plan
    assert index.plan("openai/x") is None
    assert [target.id for target in index.targets(index.resolve("smart"))] == list(BOTH)


def test_a_decision_with_a_plan_survives_its_way_to_nginx():
    decision = decide(model("smart", *BOTH, policy=RetryPolicy(fallbacks=(1,)), selection="weighted"))
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


BACKENDS = st.lists(st.sampled_from(["openai/a", "second/b", "anthropic/c", "openai/d"]), min_size=1, max_size=5)


@given(BACKENDS, st.sets(st.sampled_from([OPENAI.id, SECOND.id])), st.booleans())
def test_no_target_ever_goes_out_without_its_own_providers_credential(backends, without, ruled):
    held = {name: pool for name, pool in SECRETS.items() if name not in without}
    decision = decide(model("smart", *backends, policy=POLICY if ruled else None), credentials=held)
    usable = [name for name in backends if f"prod/{name.partition('/')[0]}" in held]
    if not usable:
        assert decision.refusal.status == 502
        return
    sent = (
        [(target.id, target.credentials[0]) for target in decision.plan.targets]
        if decision.plan
        else [(f"{backend.provider}/{backend.model}", backend.credential) for backend in decision.backends]
    )
    assert sent == [(name, f"Bearer {SECRETS['prod/' + name.partition('/')[0]][0]}") for name in usable]
