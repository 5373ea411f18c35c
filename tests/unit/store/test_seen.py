"""Ids as ranges are the same as a set of ids."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary_gateway.store import Ranges, Seen


@settings(deadline=None)
@given(st.lists(st.integers(1, 60)))
def test_ranges_are_a_set(numbers: list[int]) -> None:
    ranges, model = Ranges(), set[int]()
    for number in numbers:
        assert ranges.add(number) == (number not in model)
        model.add(number)
        assert len(ranges) == len(model)
    assert all((number in ranges) == (number in model) for number in range(62))
    assert ranges.largest == max(model, default=0)
    assert Ranges(ranges.bounds()).bounds() == ranges.bounds()


@settings(deadline=None)
@given(st.permutations(range(1, 30)))
def test_numbers_without_holes_are_one_range(numbers: list[int]) -> None:
    ranges = Ranges()
    for number in numbers:
        ranges.add(number)
    assert ranges.bounds() == [1, 29]


def test_what_was_rejected_is_new_again() -> None:
    seen = Seen({"a": Ranges([1, 3])})
    assert seen.add("a", 4)
    assert not seen.add("a", 2)
    assert not seen.add("a", 4)
    seen.reject()
    assert (seen.count("a"), seen.largest("a")) == (3, 3)
    assert seen.add("a", 4)
    assert seen.add("b", 9)
    assert dict(seen.staged()) == {"a": [1, 4], "b": [9, 9]}
    seen.accept()
    assert (seen.count("a"), seen.largest("b"), seen.count("c")) == (4, 9, 0)
    assert dict(seen.staged()) == {}
