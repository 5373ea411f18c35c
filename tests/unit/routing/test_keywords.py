"""PL-26: routes by keywords."""

import pytest

from ostiary_gateway.contract.model import Route
from ostiary_gateway.routing.keywords import match
from ostiary_gateway.routing.prompt import Prompt

ROUTES = (
    Route(name="legal", description="contracts", backends=(0,), keywords=("contract", "non-disclosure agreement")),
    Route(name="code", description="programs", backends=(1,), keywords=("python", "c++")),
)


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("Read this CONTRACT, please", "legal"),
        ("a non-disclosure\n  agreement", "legal"),
        ("python, and a contract", "legal"),
        ("is c++ hard?", "code"),
        ("contractual pythonic", None),
        ("", None),
    ],
)
def test_pl_26_the_first_route_with_a_keyword_counts(text: str, route: str | None) -> None:
    name, reason = match(ROUTES, Prompt(text=text))
    assert name == route
    assert reason


def test_pl_26_a_route_without_keywords_is_known_by_its_description() -> None:
    routes = (
        Route(name="travel", description="booking flights and hotels", backends=(0,)),
        Route(name="poetry", description="writing verses", backends=(1,)),
    )
    assert match(routes, Prompt(text="Which hotels are near, and are there flights?"))[0] == "travel"
    assert match(routes, Prompt(text="what is this?"))[0] is None


def test_pl_26_without_routes_there_is_none() -> None:
    assert match((), Prompt(text="python"))[0] is None
