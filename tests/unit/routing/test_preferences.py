"""PL-26: `routing_preferences` in a request body."""

import json

import pytest

from ostiary_gateway.routing.preferences import PreferencesError, read


def body(preferences: object) -> bytes:
    return json.dumps({"model": "m", "routing_preferences": preferences}).encode()


def test_pl_26_the_shape_of_the_reference() -> None:
    given = {"name": "code", "description": "programs", "models": ["openai/gpt-4o"], "selection_policy": {"prefer": "cheapest"}}
    (found,) = read(body([given])) or ()
    assert (found.name, found.description, found.models) == ("code", "programs", ["openai/gpt-4o"])
    assert found.selection_policy.prefer == "cheapest"


@pytest.mark.parametrize("text", [b"", b"{}", b"{", b'{"messages": [{"content": "routing_preferences"}]}', body(None), body([])])
def test_pl_26_a_body_that_names_none(text: bytes) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        [{"name": "a"}],
        [{"name": "a", "models": []}],
        [{"name": "a", "models": ["m"] * 17}],
        [{"name": "a", "models": ["m"], "keywords": ["k" * 129]}],
        [{"name": "", "models": ["m"]}],
        [{"name": "a", "models": ["m"], "selection_policy": {"prefer": "best"}}],
        [{"name": "a", "models": ["m"]}, {"name": "a", "models": ["n"]}],
        [{"name": f"r{n}", "models": ["m"]} for n in range(17)],
    ],
)
def test_pl_26_what_is_wrong_is_said(wrong: object) -> None:
    with pytest.raises(PreferencesError, match="routing_preferences"):
        read(body(wrong))
