"""PL-26: the scoring model is shown little, and nothing but a listed name counts of what it says."""

import json

import pytest

from ostiary_gateway.contract.model import Route
from ostiary_gateway.routing.prompt import read
from ostiary_gateway.routing.scorer import answer, question

ROUTES = (Route(name="code", description="programs", backends=(0,)), Route(name="travel", description="trips", backends=(1,)))


def completion(content: object) -> bytes:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()


def test_pl_26_the_question_lists_the_routes_and_bounds_the_conversation() -> None:
    said = [{"role": "user", "content": f"turn {n} " + "x" * 100_000} for n in range(50)]
    asked = json.loads(question("small", ROUTES, read(json.dumps({"messages": said}).encode())))
    assert (asked["model"], asked["temperature"], asked["stream"]) == ("small", 0, False)
    system, user = (message["content"] for message in asked["messages"])
    assert '{"name":"code","description":"programs"}' in system
    assert "turn 49" in user
    assert "turn 40" not in user
    assert len(user) < 9000


@pytest.mark.parametrize(
    ("content", "route"),
    [
        ('{"route": "code"}', "code"),
        ('Sure: ```json\n{"route": "travel"}\n```', "travel"),
        ('{"route": "none"}', None),
        ('{"route": null}', None),
        ('{"route": "admin"}', None),
        ('{"route": "CODE"}', None),
        ("code", None),
        ('{"route": ["code"]}', None),
        ("", None),
        (None, None),
    ],
)
def test_pl_26_only_a_listed_name_counts(content: object, route: str | None) -> None:
    assert answer(completion(content), ROUTES) == route


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"choices": []}', b'{"choices": [{}]}', b"\xff"])
def test_pl_26_an_answer_of_another_shape_names_no_route(body: bytes) -> None:
    assert answer(body, ROUTES) is None
