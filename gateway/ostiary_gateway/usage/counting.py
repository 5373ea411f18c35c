"""Counting tokens of a text ourselves, where a provider told nothing.

The tokenizer's package brings its vocabularies along; one takes 0.05 s and about 40 MB, so it is loaded when the first text
is to be counted.
"""

from functools import cache
from importlib import import_module
from typing import Any

MODERN, EARLIER = "o200k_base", "cl100k_base"
_EARLIER = ("gpt-4-", "gpt-3.5", "text-embedding-", "chatgpt-3.5")
_EARLIER_NAMES = ("gpt-4",)


def tokenizer(model: str) -> str:
    """Name of the vocabulary that counts for a provider model: OpenAI's newest for all that are not known to have another."""
    name = model.rpartition("/")[2].lower()
    return EARLIER if name in _EARLIER_NAMES or name.startswith(_EARLIER) else MODERN


def count_tokens(text: str, model: str = "") -> int:
    """How many tokens a text is. What looks like a control token in it is text like any other."""
    return len(_load(tokenizer(model)).encode_ordinary(text)) if text else 0


@cache
def _load(name: str) -> Any:
    return import_module("splintr").Tokenizer.from_pretrained(name)
