"""What the patterns find in a request is taken out of it, and a name put in its place."""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from ostiary_gateway.filters import checks, literals
from ostiary_gateway.filters.literals import NotJsonError, PlacedNumber, PlacedText
from ostiary_gateway.filters.patterns import Pattern
from ostiary_gateway.filters.texts import texts


class Found(NamedTuple):
    """`kinds` are names of patterns. `body` is the text that goes on, None where nothing of it changes."""

    kinds: tuple[str, ...]
    body: str | None


class Redactor:
    """Of one request: the same thing has the same name all over it, `[EMAIL_1]` the first address that occurs.

    A conversation that grows keeps its names, so prompt caches hold.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self._names: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self.kinds: dict[str, None] = {}

    def redacted(self, text: str) -> str:
        """Where the text itself is JSON, as what tools are called with, it stays JSON."""
        if text[:1] in {"{", "["} and _is_json(text):
            text = literals.TOKEN.sub(self._token, text)
        return self._plain(text)

    def _plain(self, text: str) -> str:
        """Until nothing is found: what is left may look like something else now."""
        while (once := self._once(text)) != text:
            text = once
        return text

    def _once(self, text: str) -> str:
        for pattern in self._patterns:
            pieces, at = [], 0
            for start, end in pattern.find(text):
                pieces += [text[at:start], self._name(pattern, text[start:end])]
                at = end
            if pieces:
                text = "".join((*pieces, text[at:]))
        return text

    def _token(self, found: re.Match[str]) -> str:
        value = json.loads(found[0]) if found[0][0] == '"' else found[0]
        new = self._plain(value)
        return found[0] if new == value else json.dumps(new)

    def _name(self, pattern: Pattern, value: str) -> str:
        self.kinds[pattern.name] = None
        key = pattern.label, checks.compact(value)
        if key not in self._names:
            self._counts[pattern.label] = self._counts.get(pattern.label, 0) + 1
            self._names[key] = f"[{pattern.label}_{self._counts[pattern.label]}]"
        return self._names[key]


def redact(body: str, dialect: str, patterns: Iterable[Pattern]) -> Found:
    """What of a request body the patterns find in the texts that the model sees, and the body without it.

    All other bytes stay as they are. Only a body in which a member occurs twice is written anew: nobody knows which of the two
    a provider would read.

    Raises:
        NotJsonError: it is no JSON object.
        TooLongError: there is more text in it than is looked through.
    """
    value, repeated = literals.load(body)
    if not isinstance(value, dict):
        raise NotJsonError("not a JSON object")
    redactor = Redactor(patterns)
    try:
        before = [str(text.value) for text in texts(value, dialect)]
        after = [redactor.redacted(text) for text in before]
        whole = literals.dump(value) if repeated else body
        if before == after:
            return Found((), whole if repeated else None)
        places = [text.value for text in texts(literals.placed(whole), dialect)]
    except RecursionError as error:
        raise NotJsonError("nested too deeply") from error
    pairs = [(place, new) for place, old, new in zip(places, before, after, strict=True) if old != new]
    changes = [(place, new) for place, new in pairs if isinstance(place, PlacedText | PlacedNumber)]
    ordered = sorted(changes, key=lambda change: change[0].span)
    return Found(tuple(redactor.kinds), literals.splice(whole, ordered))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
