"""Embeddings: what a request of OpenAI's asks, the vectors, the answer."""

import base64
import hashlib
import struct
from typing import Any

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.asked import Asked, Texts
from ostiary_gateway.fake.prompt import Prompt

_DIMENSIONS = 4


def read_embeddings(body: dict[str, Any]) -> Asked:
    given = body.get("input")
    one = isinstance(given, str) or (isinstance(given, list) and given and isinstance(given[0], int))
    texts = tuple(str(text) for text in ((given,) if one else given or ()))
    return Asked(texts=Texts(texts, int(body.get("dimensions") or _DIMENSIONS), base64=body.get("encoding_format") == "base64"))


def make_vector(text: str, dimensions: int = _DIMENSIONS) -> list[float]:
    """The same numbers for the same text, each exact in 32 bits."""
    digest = hashlib.sha256(text.encode()).digest()
    return [(1 + digest[number % len(digest)]) / 256 for number in range(dimensions)]


def embeddings(prompt: Prompt) -> dict[str, Any]:
    asked = prompt.asked.texts
    rows = [
        {
            "object": "embedding",
            "index": number,
            "embedding": _written(make_vector(text, asked.dimensions), in_base64=asked.base64),
        }
        for number, text in enumerate(asked.texts)
    ]
    value: dict[str, Any] = {"object": "list", "data": rows, "model": prompt.model}
    if prompt.script.usage == "none":
        return value
    return {**value, "usage": {"prompt_tokens": prompts.INPUT_TOKENS, "total_tokens": prompts.INPUT_TOKENS}}


def _written(vector: list[float], *, in_base64: bool) -> list[float] | str:
    """Base64 is of 32 bit numbers, little end first."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if in_base64 else vector
