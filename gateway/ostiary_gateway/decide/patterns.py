"""Model patterns: `*` stands for any characters, slashes too; everything else for itself, case-sensitive.

No regular expressions: a pattern is matched in linear time, whatever its author wrote.
"""

from collections.abc import Iterable

ANY = "\0"
"""Stands for any text: it occurs in no pattern, so what matches a name with it has a `*` there and matches any such name."""


def matches(pattern: str, name: str) -> bool:
    """Whether the whole of `name` fits `pattern`."""
    head, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    tail = rest.pop()
    end = len(name) - len(tail)
    if not name.startswith(head) or not name.endswith(tail) or end < len(head):
        return False
    at = len(head)
    for part in rest:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def allows(patterns: Iterable[str], name: str) -> bool:
    """Whether a key with these patterns may use `<prefix>/<model>`; no patterns at all means every model."""
    patterns = tuple(patterns)
    return not patterns or any(matches(pattern, name) for pattern in patterns)


def covers(patterns: Iterable[str], prefix: str) -> bool:
    """Whether one of the patterns allows everything of a provider, whatever the model."""
    return allows(patterns, f"{prefix}/{ANY}")
