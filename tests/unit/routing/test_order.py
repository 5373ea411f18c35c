"""Orders of candidates: stable, the unknown after the known."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.routing import code
from ostiary_gateway.routing.order import Candidate, by_cost, by_latency, by_quality, cheapest_of_the_better

FIGURE = st.sampled_from([-1.0, 0.0, 0.5, 30.0, 60.0, 74.0, 90.0])
CANDIDATES = st.lists(st.tuples(FIGURE, FIGURE, FIGURE, FIGURE), max_size=8).map(
    lambda rows: [
        Candidate(place=i, id=f"p/{i}", cost=cost, quality=quality, latency=latency, swe_bench=swe)
        for i, (cost, quality, latency, swe) in enumerate(rows)
    ]
)


@given(CANDIDATES)
def test_pl_26_cheapest_and_fastest_put_the_known_in_order_and_the_unknown_last(found: list[Candidate]) -> None:
    for ordered, figure in ((by_cost(found), "cost"), (by_latency(found), "latency")):
        values = [getattr(each, figure) for each in ordered]
        known = [value for value in values if value >= 0]
        assert values == sorted(known) + [-1.0] * (len(values) - len(known))


@given(CANDIDATES)
def test_pl_26_what_is_equal_stays_as_it_was(found: list[Candidate]) -> None:
    for ordered, figure in ((by_cost(found), "cost"), (by_latency(found), "latency"), (by_quality(found), "quality")):
        pairs = pairwise(ordered)
        assert all(a.place < b.place for a, b in pairs if getattr(a, figure) == getattr(b, figure))


@given(CANDIDATES, st.sampled_from(code.TIERS))
def test_gz_20_no_order_loses_a_candidate(found: list[Candidate], tier: str) -> None:
    for ordered in (by_quality(found), cheapest_of_the_better(found), code.order(tier, found)):
        assert sorted(each.place for each in ordered) == list(range(len(found)))


@given(CANDIDATES, st.sampled_from(code.TIERS))
def test_gz_20_the_wanted_tier_comes_first_then_the_higher_ones_then_the_lower(found: list[Candidate], tier: str) -> None:
    wanted = code.TIERS.index(tier)
    ranks = [code.tier_of(each.swe_bench) for each in code.order(tier, found)]
    turn = [*code.TIERS[wanted:], *reversed(code.TIERS[:wanted]), None]
    places = [turn.index(rank) for rank in ranks]
    assert places == sorted(places)
