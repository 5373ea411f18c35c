"""One prompt's routing: the route, the order of the targets, and why. Pure; a scorer has been asked before."""

from collections.abc import Mapping, Sequence

import msgspec

from ostiary_gateway.contract.decision import Target
from ostiary_gateway.contract.model import Matcher, Model, Route
from ostiary_gateway.routing import code, general, keywords
from ostiary_gateway.routing.order import UNKNOWN, Candidate, preferred
from ostiary_gateway.routing.preferences import Preference
from ostiary_gateway.routing.prompt import Prompt
from ostiary_gateway.routing.ranking import figures
from ostiary_gateway.routing.signs import SURE


class Seen(msgspec.Struct, frozen=True):
    """What there is to choose from: one target for each of the Model's backends (None cannot be used), ms to the first byte."""

    targets: Sequence[Target | None]
    latencies: Mapping[str, float]


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """`order` holds places in the plan's targets, best first; empty is no opinion. The rest is for people."""

    order: tuple[int, ...] = ()
    route: str | None = None
    reason: str = ""
    category: str = ""
    tier: str = ""
    complexity: str = ""
    confidence: float = 0.0


def built_in(model: Model, matcher: Matcher, prompt: Prompt, seen: Seen) -> Routing:
    """What a matcher says that needs nobody's help: keywords, or one of the classifiers."""
    match matcher.type:
        case "general":
            return _general(model, matcher.mode or general.DEFAULT, candidates(seen), prompt)
        case "code":
            return _code(model, matcher.mode or code.DEFAULT, candidates(seen), prompt)
        case "keywords" | "scorer":
            return by_route(model, *keywords.match(model.routes, prompt), seen)


def by_route(model: Model, name: str | None, reason: str, seen: Seen) -> Routing:
    """A route that was found by whatever means, its candidates in the order that it prefers."""
    route = next((route for route in model.routes if route.name == name), None)
    if route is None:
        return Routing(reason=reason)
    order = preferred(_within(route, candidates(seen)), route.prefer)
    return Routing(order=_places(order), route=route.name, reason=f"{reason}; prefer {route.prefer}")


def candidates(seen: Seen) -> dict[int, Candidate]:
    """By the place in the Model's backends. A target that cannot be used is not there, so places in the plan close up."""
    usable = [(place, target) for place, target in enumerate(seen.targets) if target]
    return {place: _candidate(i, target, seen.latencies) for i, (place, target) in enumerate(usable)}


def _candidate(place: int, target: Target, latencies: Mapping[str, float]) -> Candidate:
    known = figures(target.model)
    swe_bench = known.swe_bench_verified if known else None
    return Candidate(
        place=place,
        id=target.id,
        cost=target.cost,
        quality=target.quality,
        latency=latencies.get(target.id, UNKNOWN),
        swe_bench=UNKNOWN if swe_bench is None else swe_bench,
    )


def _general(model: Model, mode: str, found: Mapping[int, Candidate], prompt: Prompt) -> Routing:
    verdict = general.classify(prompt)
    told = "; ".join(verdict.reasons)
    if verdict.confidence < SURE:
        unsure = f"not sure ({verdict.confidence}): {told}; the Model's own order"
        return Routing(reason=unsure, category=verdict.category, confidence=verdict.confidence)
    route = _named(model, verdict.category)
    if route and mode == "balanced":
        order = preferred(_within(route, found), route.prefer)
    else:
        order = general.order(mode, verdict, _within(route, found))
    return Routing(
        order=_places(order),
        route=route.name if route else None,
        reason=f"{verdict.category}, {mode}: {told}",
        category=verdict.category,
        confidence=verdict.confidence,
    )


def _code(model: Model, mode: str, found: Mapping[int, Candidate], prompt: Prompt) -> Routing:
    task = code.classify(prompt)
    tier = code.tier(mode, task.complexity)
    route = _named(model, tier)
    order = preferred(_within(route, found), route.prefer) if route else code.order(tier, _within(None, found))
    return Routing(
        order=_places(order),
        route=route.name if route else None,
        reason=f"{task.category}, {task.complexity}, {mode} is tier {tier}: {'; '.join(task.reasons)}",
        category=task.category,
        tier=tier,
        complexity=task.complexity,
        confidence=task.confidence,
    )


def _named(model: Model, name: str) -> Route | None:
    return next((route for route in model.routes if route.name == name), None)


def _within(route: Route | None, found: Mapping[int, Candidate]) -> list[Candidate]:
    """A route's candidates as it names them; without a route, or with none of its own usable, all."""
    named = [found[place] for place in route.backends if place in found] if route else []
    return named or [each for place, each in found.items()]


def _places(order: Sequence[Candidate]) -> tuple[int, ...]:
    return tuple(each.place for each in order)


def route_of(wanted: Preference, backends: tuple[int, ...]) -> Route:
    """A client's route as if it were the Model's."""
    prefer = wanted.selection_policy.prefer or "none"
    return Route(
        name=wanted.name, description=wanted.description, backends=backends, keywords=tuple(wanted.keywords), prefer=prefer
    )
