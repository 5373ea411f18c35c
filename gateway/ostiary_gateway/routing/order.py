"""Orders of candidates. Each is stable: what is equal, or not known, stays as the Model has it, the unknown after the known."""

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

UNKNOWN = -1.0


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A target that may take the request. `place` is its place in the plan; negative figures are not known.

    `cost` is US dollars per million tokens, `latency` milliseconds to the first byte, `quality` and `swe_bench` 0 to 100.
    """

    place: int
    id: str
    cost: float = UNKNOWN
    quality: float = UNKNOWN
    latency: float = UNKNOWN
    swe_bench: float = UNKNOWN


def by_cost(candidates: Iterable[Candidate]) -> list[Candidate]:
    return _lowest_first(candidates, lambda each: each.cost)


def by_latency(candidates: Iterable[Candidate]) -> list[Candidate]:
    return _lowest_first(candidates, lambda each: each.latency)


def by_quality(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda each: -each.quality)


def cheapest_of_the_better(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The cheapest of the better half first, then the cheapest of the rest."""
    ranked = by_quality(candidates)
    half = (len(ranked) + 1) // 2
    return [*by_cost(ranked[:half]), *by_cost(ranked[half:])]


def preferred(candidates: Iterable[Candidate], prefer: Literal["none", "cheapest", "fastest"]) -> list[Candidate]:
    """PL-26: as named, or by what a route prefers."""
    if prefer == "cheapest":
        return by_cost(candidates)
    return by_latency(candidates) if prefer == "fastest" else list(candidates)


def _lowest_first(candidates: Iterable[Candidate], measure: Callable[[Candidate], float]) -> list[Candidate]:
    return sorted(candidates, key=lambda each: (measure(each) < 0, measure(each)))
