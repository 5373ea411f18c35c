"""Which target a request tries first.

Of the targets with the lowest priority number that has an eligible one, the plan's selection takes one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ostiary_gateway.contract.decision import Plan, Target
from ostiary_gateway.policy.spread import bound, lot, turn_of

_EXPLORED = 0.05  # so that a backend that became fast again is found
_COST, _LATENCY, _QUALITY = 0.3, 0.3, 0.4
_UNKNOWN = 0.5

Measure = Callable[[int], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What is known at this moment, by the place of a target.

    `warmth` is the part of its share that a target may have, up to 1; `latency` is ms, -1 if it was not measured; `turn`
    counts the plan's requests and is read once at most; `random` is from 0 to 1; `affinity` binds a request to a target.
    """

    eligible: Callable[[int], bool]
    warmth: Measure
    latency: Measure
    turn: Callable[[], int]
    random: Callable[[], float]
    affinity: str = ""


def choose(plan: Plan, view: View) -> int:
    """The place of the target to try first, -1 if none is eligible."""
    pool = _best_group(plan, view)
    if len(pool) <= 1:
        return pool[0] if pool else -1
    if view.affinity:
        return bound(plan.targets, pool, view.affinity)
    return _warm(plan.targets, pool, _take(plan, pool, view), view)


def rank(plan: Plan, view: View) -> list[int]:
    """Every target, in the order in which they would be chosen if each before were gone; then those that are not eligible."""
    turn = view.turn()
    ranked: list[int] = []
    left = replace(view, turn=lambda: turn, eligible=lambda i: i not in ranked and view.eligible(i))
    while (i := choose(plan, left)) >= 0:
        ranked.append(i)
    return [*ranked, *(i for i in range(len(plan.targets)) if i not in ranked)]


def _best_group(plan: Plan, view: View) -> list[int]:
    """Targets to be taken only on retries, and those of weight 0, come where nothing else is left."""
    first = [i for i, target in enumerate(plan.targets) if not target.retry_only and view.eligible(i)]
    shared = [i for i in first if plan.targets[i].weight > 0]
    if shared:
        best = min(plan.targets[i].priority for i in shared)
        return [i for i in shared if plan.targets[i].priority == best]
    fallbacks = plan.policy.fallbacks if plan.policy else ()
    return first[:1] or [i for i in fallbacks if view.eligible(i)][:1]


def _take(plan: Plan, pool: Sequence[int], view: View) -> int:
    targets = plan.targets
    match plan.selection:
        case "cost":
            return _turn(targets, _lowest(pool, lambda i: targets[i].cost if targets[i].cost >= 0 else math.inf), view)
        case "quality":
            return _turn(targets, _lowest(pool, lambda i: -targets[i].quality), view)
        case "latency":
            return _explored(targets, pool, _lowest(pool, view.latency), view)
        case "balanced":
            return _explored(targets, pool, _lowest(pool, _burden(targets, pool, view)), view)
        case "weighted":
            return _turn(targets, pool, view)
        case "priority":
            return pool[0]


def _turn(targets: Sequence[Target], pool: Sequence[int], view: View) -> int:
    return pool[0] if len(pool) == 1 else turn_of(targets, pool, view.turn())


def _warm(targets: Sequence[Target], pool: Sequence[int], first: int, view: View) -> int:
    """A recovering target is taken with the probability of its warmth only, unless it is the last."""
    left, chosen = pool, first
    while len(left) > 1:
        share = view.warmth(chosen)
        if share >= 1 or view.random() < share:
            break
        left = _without(left, chosen)
        chosen = lot(targets, left, view.random())
    return chosen


def _explored(targets: Sequence[Target], pool: Sequence[int], best: Sequence[int], view: View) -> int:
    """One of the best; now and then one of the others."""
    chosen = _turn(targets, best, view)
    if view.random() >= _EXPLORED:
        return chosen
    others = _without(pool, chosen)
    return others[int(view.random() * len(others))]


def _without(pool: Sequence[int], i: int) -> list[int]:
    return [other for other in pool if other != i]


def _lowest(pool: Sequence[int], measure: Measure) -> list[int]:
    values = [measure(i) for i in pool]
    least = min(values)
    return [i for i, value in zip(pool, values, strict=True) if value == least]


def _burden(targets: Sequence[Target], pool: Sequence[int], view: View) -> Measure:
    """What a target weighs on a request; the lowest wins.

    Each of cost, latency and quality is brought to 0 (best of the pool) to 1 (worst of it), 0.5 if it is not known or
    the same everywhere; the burden is 0.3 cost + 0.3 latency + 0.4 quality.
    """
    cost = _scale(pool, lambda i: targets[i].cost)
    latency = _scale(pool, view.latency)
    quality = _scale(pool, lambda i: targets[i].quality)
    return lambda i: _COST * cost(i) + _LATENCY * latency(i) + _QUALITY * (1 - quality(i))


def _scale(pool: Sequence[int], measure: Measure) -> Measure:
    values = [value for i in pool if (value := measure(i)) >= 0]
    least, most = min(values, default=0), max(values, default=0)

    def scaled(i: int) -> float:
        value = measure(i)
        return _UNKNOWN if value < 0 or most == least else (value - least) / (most - least)

    return scaled
