"""Counting a text's tokens, and the counts that few providers tell."""

import subprocess
import sys
from typing import Any

import pytest

from ostiary_gateway.contract.record import Usage
from ostiary_gateway.usage import count_tokens, normalise, tokenizer


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", "o200k_base"),
        ("gpt-4.1-mini", "o200k_base"),
        ("o3", "o200k_base"),
        ("claude-sonnet-4", "o200k_base"),
        ("", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo-2024-04-09", "cl100k_base"),
        ("openai/gpt-3.5-turbo", "cl100k_base"),
        ("text-embedding-3-large", "cl100k_base"),
    ],
)
def test_gz_07_each_model_has_its_tokenizer(model: str, name: str) -> None:
    assert tokenizer(model) == name


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("hello world", 2),
        ("Hello, world!", 4),
        ("<|endoftext|>", 7),
        ("\ud83d", None),
        ("é" * 10, None),
        ("a" * 100_000, None),
    ],
)
def test_gz_07_any_text_can_be_counted(text: str, tokens: int | None) -> None:
    """What looks like a control token is text; half a character, as a cut answer may end with, is no error."""
    counted = count_tokens(text.encode(errors="replace").decode(), "gpt-4o")
    assert counted == tokens if tokens is not None else 0 < counted <= len(text)


def test_nothing_is_loaded_before_a_text_is_counted() -> None:
    program = "import sys, ostiary_gateway.usage as u; assert 'splintr' not in sys.modules; assert u.count_tokens('a b') == 2"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"image_count": 2}, Usage(images=2)),
        ({"generated_images": 3, "output_tokens": 90, "total_tokens": 90}, Usage(output_tokens=90, images=3)),
        (
            {"type": 1, "input_tokens": 14, "input_token_details": {"audio_tokens": 10, "text_tokens": 4}, "output_tokens": 5},
            Usage(input_tokens=14, output_tokens=5, input_audio_tokens=10),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 12,
                "total_tokens": 21,
                "completion_tokens_details": {"reasoning_tokens": 10},
            },
            Usage(input_tokens=9, output_tokens=12, reasoning_tokens=10),  # within, as OpenAI counts
        ),
    ],
)
def test_tp_18_counts_of_pictures_sound_and_reasoning(raw: dict[str, Any], usage: Usage) -> None:
    assert normalise([raw]) == (usage, "provider")
