import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.decide.patterns import allows, covers, matches

TEXT = st.text("ab/.", max_size=8)
PATTERN = st.text("ab/.*", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("openai/gpt-4o", "openai/gpt-4o", True),
        ("openai/gpt-4o", "openai/GPT-4o", False),
        ("openai/*", "openai/org/model", True),
        ("openai/gpt-*", "openai/gpt-", True),
        ("*/gpt-*o", "openai/gpt-4o", True),
        ("*/gpt-*o", "openai/gpt-4", False),
        ("a*a", "a", False),
        ("[ab]?", "a1", False),
        ("*", "", True),
        ("", "openai/x", False),
    ],
)
def test_only_a_star_is_special(pattern, name, fits):
    assert matches(pattern, name) is fits


@given(PATTERN, TEXT)
def test_matching_agrees_with_a_regular_expression(pattern, name):
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None
    assert matches(pattern, name) is expected


def test_many_stars_take_linear_time():
    assert not matches("*a" * 200 + "*b", "a" * 256)


def test_no_patterns_allow_everything():
    assert allows((), "openai/gpt-4o")
    assert covers((), "openai")


@pytest.mark.parametrize("pattern", ["*", "openai/*", "open*", "*/*", "o*/*", "**"])
def test_patterns_that_cover_a_prefix(pattern):
    assert covers((pattern,), "openai")


@pytest.mark.parametrize("pattern", ["openai/gpt-*", "openai/*4o", "anthropic/*", "openai", "openai/", "*o", "openaix/*"])
def test_patterns_that_do_not_cover_a_prefix(pattern):
    assert not covers((pattern,), "openai")


@given(PATTERN, TEXT)
def test_a_pattern_that_covers_a_prefix_allows_each_of_its_models(pattern, model):
    if covers((pattern,), "a"):
        assert fnmatch.fnmatchcase(f"a/{model}", pattern)
        assert matches(pattern, f"a/{model}")
