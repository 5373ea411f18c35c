"""Tokens of a request of which the provider told nothing, from the texts that nginx kept for a moment."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from ostiary_gateway.contract.record import Usage, UsageSource
from ostiary_gateway.usage import count_tokens, tokenizer

CHARACTERS = "characters/4"
"""What counted where not even a text was left."""

_FRAME = 7  # tokens around a chat's text: its role, its ends, and the beginning of the answer


class Text(msgspec.Struct, frozen=True):
    """`chars` are those of the whole answer, of which `answer` may be a part."""

    prompt: str = msgspec.field(default="", name="i")
    answer: str = msgspec.field(default="", name="o")
    chars: float = msgspec.field(default=0, name="oc")


_TEXTS = msgspec.json.Decoder(dict[str, Text])

Uncounted = Callable[[Sequence[str]], Awaitable[Mapping[str, Text]]]
"""Fetches the texts of records by id; those that are gone are left out."""


def read(answer: bytes) -> Mapping[str, Text]:
    """Texts by record id, as nginx tells them. One may be cut within a character, which JSON tells as half a pair.

    Raises:
        ValueError: it is nothing of the kind.
    """
    try:
        return _TEXTS.decode(answer)
    except msgspec.DecodeError:
        return msgspec.convert(_mended(json.loads(answer)), dict[str, Text])


def _mended(value: object) -> object:
    if isinstance(value, dict):
        return {name: _mended(leaf) for name, leaf in value.items()}
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def estimated(known: Usage, source: UsageSource, text: Text, model: str) -> tuple[Usage, UsageSource, str]:
    """Counts of the texts, where the provider did not count itself (a cut stream may have told its input).

    Args:
        known: what it told.
        source: `partial` where that is something.
        text: what was said.
        model: of which provider model, for the choice of the tokenizer.

    Returns: usage, its source, and what counted.
    """
    into = _prompt(text, model) if known.input_tokens is None else known.input_tokens
    out = max(_answer(text, model), known.output_tokens or 0)
    usage = msgspec.structs.replace(known, input_tokens=into, output_tokens=out)
    return usage, "partial" if source == "partial" else "estimated", tokenizer(model)


def _prompt(text: Text, model: str) -> int:
    return count_tokens(text.prompt, model) + _FRAME if text.prompt else 0


def _answer(text: Text, model: str) -> int:
    counted = count_tokens(text.answer, model)
    return counted if text.chars <= len(text.answer) else -(-int(counted * text.chars) // max(1, len(text.answer)))
