"""Text of a YAML file of several documents: one is put in, replaced or taken out, all others stay to the byte.

A line that begins with `---` starts a document wherever it stands (YAML allows it in no scalar), so the file is cut there. A file
whose documents end in other ways (`...`, directives) is one that cannot be read here.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import yaml

_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_COMMENTS = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?\n)*")
_LAST_COMMENTS = re.compile(r"(?:^#[^\n]*\n?|^[ \t\r]*\n)*\Z", re.MULTILINE)


class _Loader(yaml.SafeLoader):
    """YAML as kubectl reads it: moments stay texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class DocumentsError(ValueError):
    """The text is no YAML, or none that can be cut into documents."""


class Part(NamedTuple):
    """One document with its `---`, if it has one, and what it says; None where it says nothing."""

    text: str
    value: Any


def cut(text: str) -> list[Part]:
    """The documents of a file; their texts together are the file.

    Raises:
        DocumentsError: it cannot be read.
    """
    try:
        return [Part(piece, _only(piece)) for piece in _pieces(text)]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentsError(type(error).__name__) from error


def replaced(parts: list[Part], place: int, value: object) -> str:
    """The file with another value at one place; comments before and after it stay, those inside it do not."""
    old = parts[place].text
    marker = "---\n" if _MARKER.match(old) else ""
    body = old.partition("\n")[2] if marker else old
    before = _found(_COMMENTS.match(body))
    after = _found(_LAST_COMMENTS.search(body, len(before)))
    return _joined(parts, place, marker + before + dump(value) + after)


def removed(parts: list[Part], place: int) -> str:
    """The file without one document and its comments; empty where nothing else was in it."""
    rest = _joined(parts, place, "")
    return rest if any(part.value is not None for at, part in enumerate(parts) if at != place) else ""


def added(text: str, value: object) -> str:
    """The file with one more document at its end."""
    if not text.strip():
        return dump(value)
    return f"{text}{'' if text.endswith(chr(10)) else chr(10)}---\n{dump(value)}"


def dump(value: object) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=130)
    return text


def _pieces(text: str) -> Iterator[str]:
    starts = [match.start() for match in _MARKER.finditer(text)]
    edges = [*([0] if not starts or starts[0] else []), *starts, len(text)]
    for begin, end in pairwise(edges):
        yield text[begin:end]


def _only(piece: str) -> Any:
    values = [value for value in yaml.load_all(piece, Loader=_Loader) if value is not None]
    if len(values) > 1:
        raise ValueError("two documents between two markers")
    return values[0] if values else None


def _found(match: re.Match[str] | None) -> str:
    return match[0] if match else ""


def _joined(parts: list[Part], place: int, text: str) -> str:
    return "".join(text if at == place else part.text for at, part in enumerate(parts))
