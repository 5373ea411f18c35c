"""GZ-20 and PL-26: from a verdict on a prompt to the order of the targets."""

import msgspec
import pytest

from ostiary_gateway.contract.decision import Target
from ostiary_gateway.contract.model import Matcher, Model, ModelBackend, Route
from ostiary_gateway.routing.prompt import Prompt
from ostiary_gateway.routing.verdicts import Routing, Seen, built_in, by_route

EASY, HARD, UNCLEAR = "Translate this into French", "Prove this theorem by an equation", "zzz"


def target(name: str, cost: float, quality: float) -> Target:
    rest = {"provider": "p", "provider_type": "openai", "upstream": "u", "scheme": "https", "host": "h", "base_path": ""}
    return Target(id=f"p/{name}", model=name, cost=cost, quality=quality, **rest)


DEAR, CHEAP, FAIR, UNKNOWN = target("o3", 9, 90), target("b", 1, 30), target("gpt-4.1", 3, 60), target("d", -1, -1)
SEEN = Seen((DEAR, CHEAP, FAIR, UNKNOWN), {"p/b": 50.0, "p/gpt-4.1": 20.0})


def model(*routes: Route) -> Model:
    return Model(id="n/m", name="m", backends=tuple(ModelBackend(provider="p", model=m) for m in "abcd"), routes=routes)


def say(kind: str, mode: str, text: str, *routes: Route, seen: Seen = SEEN) -> Routing:
    return built_in(model(*routes), Matcher(type=kind, mode=mode), Prompt(text=text, chars=len(text)), seen)


@pytest.mark.parametrize(
    ("mode", "text", "order"),
    [
        ("balanced", EASY, (1, 2, 0, 3)),
        ("balanced", HARD, (0, 2, 1, 3)),
        ("quality", EASY, (0, 2, 1, 3)),
        ("cost", EASY, (1, 2, 0, 3)),
        ("cost", HARD, (2, 0, 1, 3)),
        ("latency", EASY, (2, 1, 0, 3)),
        ("", HARD, (0, 2, 1, 3)),
    ],
)
def test_gz_20_general_modes(mode: str, text: str, order: tuple[int, ...]) -> None:
    routing = say("general", mode, text)
    assert routing.order == order
    assert routing.category in routing.reason


@pytest.mark.parametrize("mode", ["balanced", "quality", "cost", "latency"])
def test_gz_20_an_unclear_prompt_keeps_the_models_own_order_so_that_its_fallback_is_first(mode: str) -> None:
    routing = say("general", mode, UNCLEAR)
    assert routing.order == ()
    assert "not sure" in routing.reason


@pytest.mark.parametrize(
    ("mode", "text", "tier", "order"),
    [
        ("auto", "Explain this line", "light", (2, 0, 1, 3)),
        ("auto", "Write a function", "solid", (2, 0, 1, 3)),
        ("auto", "Design a schema for a distributed lock, thread-safe", "strong", (0, 2, 1, 3)),
        ("agentic", "Write a function", "frontier", (0, 2, 1, 3)),
        ("price", "Write a function", "light", (2, 0, 1, 3)),
        ("quality", "Write a function", "strong", (0, 2, 1, 3)),
    ],
)
def test_gz_20_code_modes(mode: str, text: str, tier: str, order: tuple[int, ...]) -> None:
    """o3 is of tier strong, gpt-4.1 of tier solid, the others have no published figure."""
    routing = say("code", mode, text)
    assert (routing.tier, routing.order) == (tier, order)


def test_gz_20_a_route_named_as_the_category_holds_its_candidates() -> None:
    routing = say("general", "balanced", EASY, Route(name="translation", description="", backends=(3, 1)))
    assert (routing.route, routing.order) == ("translation", (3, 1))


def test_gz_20_a_route_named_as_the_tier_holds_its_candidates() -> None:
    routing = say("code", "agentic", EASY, Route(name="frontier", description="", backends=(1,)))
    assert (routing.route, routing.order) == ("frontier", (1,))


@pytest.mark.parametrize(("prefer", "order"), [("none", (3, 0, 1)), ("cheapest", (1, 0, 3)), ("fastest", (1, 3, 0))])
def test_pl_26_prefer(prefer: str, order: tuple[int, ...]) -> None:
    route = Route(name="r", description="", backends=(3, 0, 1), prefer=prefer)
    assert by_route(model(route), "r", "", SEEN).order == order


def test_pl_26_no_route_is_no_opinion() -> None:
    assert by_route(model(), None, "why", SEEN) == Routing(reason="why")


def test_pl_26_places_are_those_of_the_plan_which_leaves_unusable_backends_out() -> None:
    route = Route(name="r", description="", backends=(1, 3, 2))
    seen = msgspec.structs.replace(SEEN, targets=(None, CHEAP, None, UNKNOWN))
    assert by_route(model(route), "r", "", seen).order == (0, 1)
