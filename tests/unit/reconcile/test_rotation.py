"""When a key's values change: pure, with every moment given."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ostiary_operator.objects.keysecret import Rotation
from ostiary_operator.reconcile.rotation import Policy, due, next_generated, next_observed, text_of, time_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def maker() -> str:
    return "sk-ost-new"


def test_a_first_key_is_version_one_and_answers_the_annotation_that_is_there() -> None:
    made = next_generated(None, Policy(rotate="x"), NOW, maker)
    assert made == Rotation(current="sk-ost-new", version=1, rotated_at="2026-11-21T12:00:00Z", observed="x")
    assert next_generated(made, Policy(rotate="x"), NOW + timedelta(days=900), maker) == made


def test_a_second_rotation_in_an_overlap_drops_the_oldest_value() -> None:
    policy = Policy(rotate="3", overlap=60)
    before = Rotation("two", 2, text_of(NOW), previous="one", retiring_until=text_of(NOW + timedelta(minutes=1)), observed="2")
    after = next_generated(before, policy, NOW, maker)
    assert (after.current, after.previous, after.version) == ("sk-ost-new", "two", 3)


def test_a_key_that_goes_back_to_its_old_value_is_a_new_version() -> None:
    policy = Policy(overlap=60)
    first = next_observed(None, "a", policy, NOW)
    second = next_observed(first, "b", policy, NOW)
    third = next_observed(second, "a", policy, NOW)
    assert (third.current, third.previous, third.version) == ("a", "b", 3)


def test_a_time_that_somebody_spoilt_ends_the_overlap() -> None:
    spoilt = Rotation("two", 2, text_of(NOW), previous="one", retiring_until="tomorrow")
    assert next_observed(spoilt, "two", Policy(), NOW).previous == ""


@given(overlap=st.integers(0, 10**7), interval=st.integers(3600, 10**7), late=st.integers(0, 10**5))
def test_nothing_changes_before_it_is_due_and_something_does_then(overlap: int, interval: int, late: int) -> None:
    policy = Policy(interval=interval, overlap=overlap)
    first = next_generated(None, policy, NOW, maker)
    second = next_generated(first, policy, NOW + timedelta(seconds=interval), maker)
    assert second.version == 2
    moment = due(second, policy, generated=True)
    assert moment is not None
    assert next_generated(second, policy, moment - timedelta(seconds=1), maker) == second
    assert next_generated(second, policy, moment + timedelta(seconds=late), maker) != second
    assert time_of(text_of(moment)) == moment
