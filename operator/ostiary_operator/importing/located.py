"""YAML with the line and the path of every value, so that what cannot be taken over is named where it stands."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

_DEEPEST = 40
_MOST = 100_000  # values; more than any configuration, less than a YAML bomb
_LONGEST_KEY = 80

Content = str | int | float | bool | None | tuple["Value", ...] | Mapping[str, "Value"]


class UnreadableError(ValueError):
    """The text is not what it was said to be. The message is one line and quotes no value."""


class _Loader(yaml.SafeLoader):
    """Moments stay texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the file. Its content never shows in a representation: it may be a secret."""

    path: str
    line: int
    content: Content = field(repr=False)

    @property
    def items(self) -> Mapping[str, "Value"]:
        """The entries of a mapping; nothing where it is none."""
        return self.content if isinstance(self.content, Mapping) else {}

    @property
    def elements(self) -> tuple["Value", ...]:
        """The elements of a list; nothing where it is none."""
        return self.content if isinstance(self.content, tuple) else ()

    @property
    def says_nothing(self) -> bool:
        """Off, empty or nothing: whatever it is for, it changes nothing."""
        return self.content is None or self.content is False or self.content in ("", (), {})

    def get(self, key: str) -> "Value | None":
        """An entry of a mapping, unless it is missing or null."""
        found = self.items.get(key)
        return None if found is None or found.content is None else found


def read(text: str) -> Value:
    """The one document of a YAML text.

    Raises:
        UnreadableError: it is no YAML, or more than one document, or nested or repeated beyond reason.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return Value("", 1, None) if node is None else _Reader(loader).value(node, "", 1, 0)
    except UnreadableError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableError(_one_line(error)) from error


class _Reader:
    def __init__(self, loader: _Loader) -> None:
        self._loader: Any = loader
        self._count = 0

    def value(self, node: yaml.Node, path: str, line: int, depth: int) -> Value:
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST:
            raise UnreadableError("is nested too deeply, or too large")
        if isinstance(node, yaml.MappingNode):
            self._loader.flatten_mapping(node)
            return Value(path, line, dict(self._entries(node, path, depth)))
        if isinstance(node, yaml.SequenceNode):
            return Value(path, line, tuple(self._elements(node, path, depth)))
        content = self._loader.construct_object(node)
        return Value(path, line, content if isinstance(content, str | int | float | None) else str(content))

    def _entries(self, node: yaml.MappingNode, path: str, depth: int) -> Iterator[tuple[str, Value]]:
        for key_node, value_node in node.value:
            key = self._loader.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise UnreadableError(f"line {key_node.start_mark.line + 1}: a key is no text")
            name = _shown(str(key))
            line = key_node.start_mark.line + 1
            yield str(key), self.value(value_node, f"{path}.{name}" if path else name, line, depth + 1)

    def _elements(self, node: yaml.SequenceNode, path: str, depth: int) -> Iterator[Value]:
        for place, element in enumerate(node.value):
            yield self.value(element, f"{path}[{place}]", element.start_mark.line + 1, depth + 1)


def _shown(key: str) -> str:
    """A key as it may stand in a line of output."""
    printable = "".join(character if character.isprintable() else "?" for character in key)
    return printable if len(printable) <= _LONGEST_KEY else printable[: _LONGEST_KEY - 3] + "..."


def _one_line(error: Exception) -> str:
    """What is wrong and where; a parser's own words may quote the text, so only the place of theirs is taken."""
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}: is no YAML" if mark else "is no YAML"
