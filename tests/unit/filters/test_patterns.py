"""What patterns find and what they leave alone (PL-29)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.filters.samples import INNOCENT, SAMPLES

from ostiary_gateway.filters import patterns
from ostiary_gateway.filters.patterns import GROUPS, NAMES, PATTERNS, UnknownPatternError, named

CASES = [(name, sample) for name, samples in SAMPLES.items() for sample in samples]

IN_PARTS = ("aws-key", "url-credentials", "private-key")  # of a longer whole, or up to the end of the text


def found(name: str, text: str) -> list[str]:
    return [text[start:end] for start, end in PATTERNS[name].find(text)]


def test_every_pattern_has_a_sample():
    assert set(SAMPLES) == set(PATTERNS)


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_pl_29_a_pattern_finds_its_kind_wherever_it_stands(name, sample):
    for text in (sample, f"it is {sample}, you know", f"({sample})", f"x: {sample}\nnext line 77", f'"{sample}"'):
        first, *_ = found(name, text)
        assert first == sample or (name in IN_PARTS and (first in sample or first.startswith(sample))), text


@pytest.mark.parametrize("text", INNOCENT)
def test_pl_29_what_is_nothing_of_the_kind_is_left_alone(text):
    assert {name: hits for name in PATTERNS if (hits := found(name, text))} == {}


def test_a_card_ends_where_its_number_ends():
    assert found("credit-card", "4111 1111 1111 1111 123 is a card and its code") == ["4111 1111 1111 1111"]
    assert found("credit-card", "1 4111 1111 1111 1111") == ["4111 1111 1111 1111"]


@pytest.mark.parametrize("name", PATTERNS)
def test_pl_29_a_long_text_hides_nothing_wherever_its_windows_meet(name):
    sample = SAMPLES[name][0]
    for place in (131_072 - len(sample) // 2, 110_592):
        text = " x" * (place // 2) + " " + sample + " y" * 20_000
        (only,) = found(name, text)
        assert only == found(name, sample)[0]


def test_groups_hold_all_of_their_kind_and_names_are_refused_that_are_none():
    assert {each.name for each in named(["pii", "secrets"])} == set(PATTERNS)
    assert named(["email", "pii"]) == tuple(PATTERNS[each.name] for each in GROUPS["pii"])
    assert set(NAMES) == {*GROUPS, *PATTERNS}
    with pytest.raises(UnknownPatternError, match="e-mail"):
        named(["email", "e-mail"])


@given(st.text(alphabet="a1@.-_ :/+[]()sk\n", max_size=400))
def test_finds_never_overlap_and_lie_within_the_text(text):
    for pattern in PATTERNS.values():
        at = 0
        for start, end in pattern.find(text):
            assert at <= start < end <= len(text)
            at = end


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "1",
        "4 ",
        "a@",
        "@a.",
        "+1",
        "1.",
        "a:",
        "eyJ",
        "eyJaaaaaaaaaaaa.",
        "sk-",
        "-----BEGIN PRIVATE KEY-----",
        "://a:",
        "AB12",
        "DE12 ",
    ],
)
def test_no_text_makes_a_pattern_slow(unit):
    """Ten times the text takes about ten times as long: never its square."""
    short, long = unit * (4000 // len(unit)), unit * (40000 // len(unit))
    for pattern in patterns.PATTERNS.values():
        assert _seconds(pattern, long) < 40 * _seconds(pattern, short) + 0.05, pattern.name


def _seconds(pattern: patterns.Pattern, text: str) -> float:
    begun = time.thread_time()
    list(pattern.find(text))
    return time.thread_time() - begun
