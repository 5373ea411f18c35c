"""Which Model a name means, and which names a key may know."""

import pytest
from tests.unit.decide.bundles import ANTHROPIC, CREDENTIAL, KEY, OPENAI, SECOND, SECRETS, entry, make, model, sha

from ostiary_gateway.contract.decision import Ask
from ostiary_gateway.contract.document import Document
from ostiary_gateway.decide.index import Index
from ostiary_gateway.decide.models import Names

PROVIDERS = (OPENAI, SECOND, ANTHROPIC)
MODELS = (
    model("smart", "openai/gpt-4o", aliases=("r1", "deepseek-r1")),
    model("openai/gpt-4o", "second/other", aliases=("gpt-4o",)),
    model("claude-*", "second/", aliases=("claude",)),
    model("claude-3*", "second/three"),
    model("second-*/x", "second/"),
    model("*", "openai/"),
)


def names(*models):
    return Names(Document(version=2, providers=PROVIDERS, models=models or MODELS))


def decide(target, *, patterns=(), models=MODELS, key=KEY):
    bundle = make([entry(models=patterns)], providers=PROVIDERS, credentials=SECRETS, models=models)
    return Index.build(bundle).decide(Ask(key=sha(key), surface="managed", target=target), 0)


@pytest.mark.parametrize(
    ("asked", "resolved", "backend"),
    [
        pytest.param("smart", "smart", "openai/gpt-4o", id="its_name"),
        pytest.param("R1", "smart", "openai/gpt-4o", id="gz_13_an_alias_in_any_case"),
        pytest.param("Smart", "Smart", "openai/Smart", id="a_name_is_not_an_alias"),
        pytest.param("openai/gpt-4o", "openai/gpt-4o", "second/other", id="gz_13_a_name_with_a_slash_before_the_prefix"),
        pytest.param("GPT-4O", "openai/gpt-4o", "second/other", id="pl_23_alias"),
        pytest.param("openai/o3", "openai/o3", "openai/o3", id="a_providers_catalogue"),
        pytest.param("second/a/b", "second/a/b", "second/a/b", id="a_provider_model_with_slashes"),
        pytest.param("claude-2", "claude-2", "second/claude-2", id="a_wildcard"),
        pytest.param("claude-3-opus", "claude-3-opus", "second/three", id="the_longest_literal_part_wins"),
        pytest.param("Claude", "Claude", "second/Claude", id="an_alias_of_a_wildcard"),
        pytest.param("second-1/x", "second-1/x", "second/second-1/x", id="a_wildcard_with_a_slash"),
        pytest.param("anything", "anything", "openai/anything", id="the_default"),
        pytest.param(
            "anthropic/claude", "anthropic/claude", "openai/anthropic/claude", id="the_callers_provider_has_no_catalogue"
        ),
    ],
)
def test_resolution(asked, resolved, backend):
    found = names().resolve(asked)
    assert found.name == resolved
    assert [f"{place.provider}/{place.model}" for place in found.backends] == [backend]


def test_a_wildcard_over_a_prefix_sends_the_model_without_it():
    found = names(model("nobody/*", "nobody/", "openai/")).resolve("nobody/llama")
    assert [place.model for place in found.backends] == ["llama", "nobody/llama"]


@pytest.mark.parametrize("asked", ["", "nope", "nobody/x", "openai/", "/x", "anthropic/claude", "a\nb", "x" * 257])
def test_tp_07_a_name_that_nothing_takes_is_unknown(asked):
    assert names(MODELS[0]).resolve(asked) is None


@pytest.mark.parametrize("asked", ["", "a\nb", "x" * 257])
def test_not_even_the_default_takes_what_is_no_name(asked):
    assert names().resolve(asked) is None


def test_pl_21_unknown_model_is_400_with_its_name():
    refusal = decide("nope", models=MODELS[:2]).refusal
    assert (refusal.status, refusal.message) == (400, "unknown model: nope")


@pytest.mark.parametrize(
    ("asked", "patterns", "allowed"),
    [
        ("smart", ("smart",), True),
        ("r1", ("smart",), True),
        ("r1", ("r1",), False),
        ("R1", ("sm*",), True),
        ("smart", ("openai/*",), False),
        ("openai/gpt-4o", ("openai/*",), True),
        ("gpt-4o", ("openai/gpt-4o",), True),
        ("claude-3-opus", ("claude-3-*",), True),
        ("claude-3-opus", ("claude-*",), True),
        ("claude-3-opus", ("second/*",), False),
        ("anything", ("smart",), False),
        ("openai/o3", ("openai/o*",), True),
    ],
)
def test_tp_12_patterns_of_a_key_are_compared_with_the_resolved_name(asked, patterns, allowed):
    refusal = decide(asked, patterns=patterns).refusal
    assert (refusal is None) is allowed
    assert allowed or (refusal.status, refusal.code) == (403, "model_not_allowed")


def test_one_backend_with_nothing_to_decide_is_no_plan():
    decision = decide("R1")
    assert decision.plan is None
    (backend,) = decision.backends
    assert (backend.model, backend.credential) == ("gpt-4o", f"Bearer {CREDENTIAL}")


def test_the_list_holds_names_aliases_wildcards_and_prefixes():
    listed = dict(names().usable(()))
    expected = {"smart", "r1", "deepseek-r1", "openai/gpt-4o", "gpt-4o", "claude-*", "claude", "claude-3*", "second-*/x", "*"}
    assert set(listed) == expected | {"openai/*", "second/*"}
    assert (listed["r1"], listed["gpt-4o"], listed["openai/*"]) == ("openai", "second", "openai")


def test_a_model_over_several_providers_is_owned_by_the_gateway():
    assert names(model("both", "openai/x", "second/x")).usable(("both",)) == [("both", "ostiary")]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("smart",), {"smart", "r1", "deepseek-r1"}),
        (("claude-*",), {"claude-*", "claude", "claude-3*"}),
        (("claude-3-opus",), {"claude-3-opus"}),
        (("claude-3-*",), set()),
        (("openai/*",), {"openai/*", "openai/gpt-4o", "gpt-4o"}),
        (("openai/o3", "openai/o4-*"), {"openai/o3", "openai/o4-*"}),
        (("r1",), set()),
        (("anthropic/*",), set()),
    ],
)
def test_the_list_shows_only_what_the_key_may_use(patterns, expected):
    assert {name for name, _ in names().usable(patterns)} == expected
