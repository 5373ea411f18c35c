"""JSON texts whose strings know where they stand, so that some can be replaced while every other byte stays as it is."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|-?\d[-+.\deE]*+', re.DOTALL)
"""A string or a number. In a text that is JSON nothing else holds quotes or digits."""


class NotJsonError(ValueError):
    """The text is no JSON, or nested too deeply."""


class PlacedText(str):
    """A string of a JSON text, and where it stands there."""

    __slots__ = ("span",)
    span: tuple[int, int]


class PlacedNumber(float):
    __slots__ = ("span",)
    span: tuple[int, int]


Placed = PlacedText | PlacedNumber


def load(text: str) -> tuple[Any, bool]:
    """The value, and whether an object in it has two members of one name: then readers differ in what it says.

    Raises:
        NotJsonError: it is none.
    """
    repeated = False

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        value = dict(pairs)
        repeated = repeated or len(value) != len(pairs)
        return value

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=_refuse), repeated
    except (ValueError, RecursionError) as error:
        raise NotJsonError("not JSON") from error


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass").decode(errors="replace")


def placed(text: str) -> Any:
    """The value of a JSON text without repeated members; strings and numbers of it know where they stand."""
    return _place(json.loads(text), TOKEN.finditer(text))


def splice(text: str, changes: Iterable[tuple[Placed, str]]) -> str:
    """The text with those tokens replaced by strings; they come in the order of the text."""
    pieces, at = [], 0
    for token, new in changes:
        start, end = token.span
        pieces += [text[at:start], json.dumps(new)]
        at = end
    return "".join((*pieces, text[at:]))


def _place(value: Any, tokens: Iterator[re.Match[str]]) -> Any:
    if isinstance(value, dict):
        return {name: _place(item, tokens) for name, item in value.items() if next(tokens)}
    if isinstance(value, list):
        return [_place(item, tokens) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    found = PlacedText(value) if isinstance(value, str) else PlacedNumber(float(value))
    found.span = next(tokens).span()
    return found


def _refuse(name: str) -> Any:
    raise ValueError(name)
