"""What counts mean, and how sure they are."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary_gateway.contract.record import Usage
from ostiary_gateway.usage import normalise

START = {"input_tokens": 25, "output_tokens": 1}
DELTA = {"output_tokens": 15}


def test_lm_20_zero_stays_zero_and_unknown_stays_unknown() -> None:
    assert normalise([{"prompt_tokens": 0, "completion_tokens": 0}]) == (Usage(input_tokens=0, output_tokens=0), "provider")
    assert normalise([]) == (Usage(), "none")
    assert normalise([{"seconds": 12.5}]) == (Usage(), "none")


def test_an_anthropic_stream_cut_before_its_delta_is_partial() -> None:
    assert normalise([START], stream=True, complete=False) == (Usage(input_tokens=25, output_tokens=1), "partial")
    assert normalise([START], stream=True, complete=False, chars=41) == (
        Usage(input_tokens=25, output_tokens=11),
        "partial",
    )
    assert normalise([START], stream=True, complete=True)[1] == "partial"
    assert normalise([START, DELTA], stream=True) == (Usage(input_tokens=25, output_tokens=15), "provider")


def test_a_google_stream_cut_midway_is_partial() -> None:
    raw = {"promptTokenCount": 8, "candidatesTokenCount": 5, "totalTokenCount": 13}
    assert normalise([raw], stream=True, complete=False) == (Usage(input_tokens=8, output_tokens=5), "partial")
    assert normalise([raw], stream=True, complete=True)[1] == "provider"
    assert normalise([raw], stream=False)[1] == "provider"


def test_openai_says_its_usage_once_and_at_the_end() -> None:
    assert normalise([{"prompt_tokens": 8, "completion_tokens": 5}], stream=True, complete=False)[1] == "provider"


@pytest.mark.parametrize(("chars", "tokens"), [(0, 0), (1, 1), (4, 1), (5, 2), (4000, 1000)])
def test_a_cut_stream_without_usage_is_estimated(chars: int, tokens: int) -> None:
    assert normalise([], stream=True, complete=False, chars=chars) == (Usage(output_tokens=tokens), "estimated")


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (
            {"inputTokens": 10, "outputTokens": 4, "totalTokens": 114, "cacheReadInputTokens": 100},
            Usage(input_tokens=110, output_tokens=4, cache_read_tokens=100),
        ),
        (
            {
                "inputTokens": 10,
                "outputTokens": 4,
                "totalTokens": 21,
                "cacheReadInputTokens": 0,
                "cacheWriteInputTokens": 7,
                "cacheDetails": {"5m": 2, "1h": 5},
            },
            Usage(input_tokens=17, output_tokens=4, cache_read_tokens=0, cache_write_tokens=7, cache_write_1h_tokens=5),
        ),
        (
            {
                "input_tokens": 20,
                "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
                "output_tokens": 9,
                "output_tokens_details": {"reasoning_tokens": 4},
                "total_tokens": 29,
            },
            Usage(input_tokens=20, output_tokens=9, cache_read_tokens=5, cache_write_tokens=3, reasoning_tokens=4),
        ),
        (
            {
                "input_tokens": 10,
                "cache_read_input_tokens": 100,
                "cache_creation_input_tokens": 0,
                "output_tokens": 9,
                "output_tokens_details": {"thinking_tokens": 6},
            },
            Usage(input_tokens=110, output_tokens=9, cache_read_tokens=100, cache_write_tokens=0, reasoning_tokens=6),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 5, "prompt_cache_miss_tokens": 4},
            Usage(input_tokens=9, output_tokens=2, cache_read_tokens=5),
        ),
        (
            {"promptTokenCount": 7, "toolUsePromptTokenCount": 20, "totalTokenCount": 27},
            Usage(input_tokens=27, output_tokens=0),
        ),
        (
            {"promptTokenCount": 7, "thoughtsTokenCount": 90, "totalTokenCount": 97},
            Usage(input_tokens=7, output_tokens=90, reasoning_tokens=90),
        ),
        (
            {"input_tokens": 7, "output_tokens": 9, "total_tokens": 16, "input_token_details": {"text_tokens": 7}},
            Usage(input_tokens=7, output_tokens=9),
        ),
    ],
)
def test_other_shapes(raw: dict[str, Any], usage: Usage) -> None:
    assert normalise([raw]) == (usage, "provider")


_counts = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())
_names = st.sampled_from(
    ["prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens", "promptTokenCount",
     "candidatesTokenCount", "prompt_tokens_details", "cache_read_input_tokens", "inputTokens"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.dictionaries(_names, _counts | st.dictionaries(_names, _counts)), max_size=3), st.floats() | st.none())
def test_counts_are_whole_numbers_or_unknown(raws: list[dict[str, Any]], chars: float | None) -> None:
    usage, _ = normalise(raws, stream=True, complete=False, chars=chars)
    counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.reasoning_tokens)
    assert all(count is None or (type(count) is int and count >= 0) for count in counts)
