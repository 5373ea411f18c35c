"""What holds of choices whatever the weights: exact shares, bindings that stay, order of the ranked."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import count
from math import gcd
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.contract.decision import Plan, Target
from ostiary_gateway.contract.model import RetryPolicy, Selection
from ostiary_gateway.policy import View, choose, rank

WEIGHTS = st.lists(st.integers(1, 40), min_size=1, max_size=10)
SELECTIONS: st.SearchStrategy[Selection] = st.sampled_from(["priority", "weighted", "cost", "latency", "balanced", "quality"])
ANY_TARGET = st.fixed_dictionaries(
    {
        "weight": st.integers(0, 5),
        "priority": st.integers(0, 2),
        "retry_only": st.booleans(),
        "cost": st.sampled_from([-1.0, 0.5, 2.0]),
        "quality": st.sampled_from([-1.0, 40.0, 80.0]),
    }
)


def target(place: int, **fields: object) -> Target:
    fixed = {"provider_type": "openai", "upstream": "u", "scheme": "http", "host": "h", "base_path": "", "model": "m"}
    return Target(id=f"p{place}/m", provider=f"p{place}", **fixed, **fields)


def weighted(*weights: int) -> Plan:
    return Plan(model="m", targets=tuple(target(i, weight=w) for i, w in enumerate(weights)), selection="weighted")


def view(turn: int = 0, affinity: str = "") -> View:
    return View(
        eligible=lambda i: True,
        warmth=lambda i: 1,
        latency=lambda i: -1,
        turn=lambda: turn,
        random=lambda: 0.5,
        affinity=affinity,
    )


@given(WEIGHTS, st.integers(0, 2**40))
def test_weighted_is_exact_in_every_round(weights: list[int], start: int) -> None:
    plan = weighted(*weights)
    divisor = gcd(*weights)
    length = sum(weights) // divisor
    taken = Counter(choose(plan, view(turn)) for turn in range(start, start + length))
    assert [taken[i] * divisor for i in range(len(weights))] == weights


@given(WEIGHTS)
def test_weighted_is_the_order_of_the_ideal_times(weights: list[int]) -> None:
    times = sorted((Fraction(2 * j + 1, 2 * w), i) for i, w in enumerate(weights) for j in range(w))
    divisor = gcd(*weights)
    length = len(times) // divisor
    # dividing the weights stretches the round, so the order is that of its first part
    short = sorted((Fraction(2 * j + 1, 2 * (w // divisor)), i) for i, w in enumerate(weights) for j in range(w // divisor))
    assert [choose(weighted(*weights), view(turn)) for turn in range(length)] == [i for _, i in short]


@given(WEIGHTS, st.integers(1, 400))
def test_weighted_is_smooth_at_any_moment(weights: list[int], turns: int) -> None:
    plan = weighted(*weights)
    taken = Counter(choose(plan, view(turn)) for turn in range(turns))
    for i, weight in enumerate(weights):
        assert abs(taken[i] - Fraction(turns * weight, sum(weights))) <= 1 + Fraction(len(weights) * weight, 2 * sum(weights))


@given(WEIGHTS.filter(lambda weights: len(weights) > 1), st.data())
def test_weighted_is_exact_among_those_that_are_left(weights: list[int], data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(weights) - 1))
    left = {i: w for i, w in enumerate(weights) if i != gone}
    taken = Counter(
        choose(weighted(*weights), replace(view(turn), eligible=left.__contains__)) for turn in range(sum(left.values()))
    )
    assert dict(taken) == left


@given(st.lists(st.text(min_size=1), min_size=1, max_size=50), WEIGHTS.filter(lambda weights: len(weights) > 1), st.data())
def test_pl_28_only_the_ids_of_a_target_that_leaves_move(ids: list[str], weights: list[int], data: st.DataObject) -> None:
    gone = data.draw(st.integers(0, len(weights) - 1))
    plan = weighted(*weights)
    for bound in ids:
        before = choose(plan, view(affinity=bound))
        after = choose(plan, replace(view(affinity=bound), eligible=lambda i: i != gone))
        assert after != gone
        assert before in {gone, after}


@given(st.integers(0, 2**32), st.text(min_size=1))
def test_pl_28_an_id_is_bound_whatever_the_turn(turn: int, bound: str) -> None:
    plan = weighted(3, 1, 2)
    assert choose(plan, view(turn, bound)) == choose(plan, view(0, bound))


def test_pl_28_ids_are_spread_by_weight() -> None:
    plan = weighted(6, 3, 1)
    taken = Counter(choose(plan, view(affinity=f"session-{n}")) for n in range(20_000))
    assert [round(taken[i] / 2000) for i in range(3)] == [6, 3, 1]
    assert all(abs(taken[i] / 20_000 - share) < 0.02 for i, share in enumerate((0.6, 0.3, 0.1)))


def test_a_recovering_target_gets_its_warmth_of_its_share() -> None:
    plan = weighted(1, 1)
    numbers = Random(1)  # noqa: S311 - no secret
    warming = replace(view(), warmth=[0.25, 1.0].__getitem__, random=numbers.random)
    turns = count()
    taken = Counter(choose(plan, replace(warming, turn=lambda: next(turns))) for _ in range(8000))
    assert abs(taken[0] / 8000 - 0.125) < 0.01


def test_latency_finds_a_target_that_became_fast_again() -> None:
    plan = Plan(model="m", targets=(target(0), target(1), target(2)), selection="latency")
    numbers = Random(1)  # noqa: S311 - no secret
    here = replace(view(), latency=[100, 200, 300].__getitem__, random=numbers.random)
    taken = Counter(choose(plan, here) for _ in range(10_000))
    assert abs(taken[0] / 10_000 - 0.95) < 0.01
    assert min(taken[1], taken[2]) > 100


@given(
    st.lists(ANY_TARGET, min_size=1, max_size=6), SELECTIONS, st.sets(st.integers(0, 5)), st.integers(0, 99), st.text(max_size=3)
)
def test_a_choice_is_eligible_and_the_best_priority(
    fields: list[dict[str, object]], selection: Selection, blocked: set[int], turn: int, affinity: str
) -> None:
    targets = tuple(target(i, **given) for i, given in enumerate(fields))
    fallbacks = tuple(i for i, one in enumerate(targets) if one.retry_only)
    plan = Plan(model="m", targets=targets, selection=selection, policy=RetryPolicy(fallbacks=fallbacks))
    here = replace(view(turn, affinity), eligible=lambda i: i not in blocked)
    eligible = [i for i in range(len(targets)) if i not in blocked]
    chosen = choose(plan, here)
    assert (chosen in eligible) if eligible else (chosen == -1)
    ordinary = [i for i in eligible if not targets[i].retry_only and targets[i].weight]
    if ordinary:
        assert chosen in ordinary
        assert targets[chosen].priority == min(targets[i].priority for i in ordinary)
    ranked = rank(plan, here)
    assert sorted(ranked) == list(range(len(targets)))
    assert ranked[: len(eligible)][:1] == ([chosen] if eligible else [])
    assert set(ranked[: len(eligible)]) == set(eligible)


def test_pl_26_ranked_by_cost_with_the_unknown_and_the_ill_last() -> None:
    costs = (3.0, -1.0, 1.0, 2.0)
    plan = Plan(model="m", targets=tuple(target(i, cost=c) for i, c in enumerate(costs)), selection="cost")
    assert rank(plan, view()) == [2, 3, 0, 1]
    assert rank(plan, replace(view(), eligible=lambda i: i != 2)) == [3, 0, 1, 2]
