"""`selection: quality`: which figures a name means."""

import re

import pytest

from ostiary_gateway.routing import quality
from ostiary_gateway.routing.ranking import RANKING


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("gpt-4o", 53.1),
        ("gpt-4o-2024-08-06", 53.1),
        ("gpt-4o-mini-2024-07-18", 40.2),
        ("claude-sonnet-4-20250514", 75.4),
        ("claude-sonnet-4-0", 75.4),
        ("claude-sonnet-4@20250514", 75.4),
        ("claude-sonnet-4-5-20250929", 83.4),
        ("meta-llama/Llama-3.3-70B-Instruct", 50.5),
        ("llama-3.3-70b-versatile", 50.5),
        ("models/gemini-2.5-pro", 86.4),
    ],
)
def test_selection_quality_takes_the_longest_ranked_name(name: str, score: float) -> None:
    assert quality(name) == score


@pytest.mark.parametrize(
    "name",
    [
        "gpt-5.1",
        "gpt-5.2-codex",
        "claude-opus-4-5",
        "gpt-5-mini",
        "claude-sonnet-4-9",
        "o1-pro",
        "gpt-4o-audio-preview",
        "gpt-4ox",
        "my-model",
        "",
    ],
)
def test_selection_quality_of_another_model_is_unknown(name: str) -> None:
    """A newer version or another size has no figures until they are looked up, and some have none of this test."""
    assert quality(name) == -1.0


def test_selection_quality_every_figure_has_a_source_and_a_date() -> None:
    for name, known in RANKING.items():
        assert name == name.lower()
        assert known.source.title
        assert re.fullmatch(r"20\d\d-[01]\d(-[0-3]\d)?", known.source.date)
        figures = (known.gpqa_diamond, known.swe_bench_verified, known.human_eval, known.mmlu)
        assert all(0 < figure <= 100 for figure in figures if figure is not None), name
        assert any(figures), name
