"""`filters` with the listener's `input_filters`, and `prompt_guards`: what looks at a request first (PL-29, PL-30)."""

import re
from collections.abc import Iterator
from typing import Any

from ostiary_operator.api import patterns
from ostiary_operator.importing.located import Value
from ostiary_operator.importing.reading import Reading

_TAKEN = ("id", "url", "type", "transport", "tool")
_MOST = 8
_TIMEOUT_MS = 30_000
_JAILBREAK = "jailbreak"
_PLACE = "is asked at this very address; Plano appends the path of the request to it"
_NO_MCP = "is a tool of MCP, which Ostiary does not call: type http is imported"
_RULES = "is scored by rules over words here; spec.filters can name a model for it"


def read(root: Value, listener: Value, reading: Reading) -> list[dict[str, Any]]:
    """The chain of every Model: the guard first, then the listener's filters in their order."""
    known = {reading.text(each.get("id")) or "": each for each in _elements(root.get("filters"))}
    found = [*_guards(root.get("prompt_guards"), reading)]
    named = listener.get("input_filters")
    for each in _elements(named):
        name = reading.text(each) or ""
        if name not in known:
            reading.note(each, "is no filter of this file")
        else:
            found += _filter(name, known[name], reading)
    chain = list({each["name"]: each for each in found}.values())
    if named is not None and len(chain) > _MOST:
        reading.note(named, f"has more than the {_MOST} filters that a Model can have; the rest is left out")
    return chain[:_MOST]


def _elements(section: Value | None) -> tuple[Value, ...]:
    return section.elements if section else ()


def _filter(name: str, value: Value, reading: Reading) -> Iterator[dict[str, Any]]:
    reading.rest(value, _TAKEN)
    if reading.text(value.get("type")) != "http":
        reading.note(value, _NO_MCP)
        return
    if value.get("url") is None or len(name) > 63 or not re.fullmatch(patterns.ROUTE, name):  # noqa: PLR2004 - the CRD's
        reading.note(value, "needs a url, and an id of letters, digits, '-', '_' and '.'")
    elif url := reading.url(value.get("url")):
        reading.note(value, _PLACE)
        yield {"name": name, "type": "HTTP", "url": url, "timeoutMilliseconds": _TIMEOUT_MS}


def _guards(section: Value | None, reading: Reading) -> Iterator[dict[str, Any]]:
    guards = section.get("input_guards") if section else None
    if section is None or guards is None:
        return
    reading.rest(section, ("input_guards",))
    reading.rest(guards, (_JAILBREAK,))
    guard = guards.get(_JAILBREAK)
    if guard is None:
        return
    reading.note(guard, _RULES)
    exception = guard.get("on_exception")
    message = (reading.text(exception.get("message")) if exception else None) or ""
    yield {"name": _JAILBREAK, "type": "Jailbreak"} | ({"message": message[:1024]} if message.isprintable() and message else {})
