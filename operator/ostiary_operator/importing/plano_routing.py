"""`routing_preferences` (PL-26): at the top (v0.4), or of old with the entry that they lead to.

In Plano they count for every request, whichever model it names; so each Model gets them, with the backends that they lead to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ostiary_operator.importing.located import Value
from ostiary_operator.importing.plano_entries import Entry
from ostiary_operator.importing.reading import Reading

_PREFER = {"none": "None", "cheapest": "Cheapest", "fastest": "Fastest"}
_MOST_ROUTES = 16
_MOST_MODELS = 16
_SCORER_MILLISECONDS = 4000  # a router model takes longer than a small scoring model, Ostiary waits for 5 s
_LONGEST_NAME = 63
_LONGEST_DESCRIPTION = 1024
_NO_SCORER = (
    "Plano asks a router model of its own which one fits; no model_providers entry says where one is, so nothing matches "
    "until a Model's routing.matcher names a Scorer, or its routes have keywords"
)


@dataclass(slots=True)
class Routes:
    routes: list[dict[str, Any]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    matcher: dict[str, Any] | None = None

    def candidates(self, entry: Entry) -> Iterator[Entry]:
        """Where the routes lead to from an entry; nowhere from the router model itself."""
        return (other for other in self.entries if other is not entry and self.counts_for(entry))

    def counts_for(self, entry: Entry) -> bool:
        return bool(self.routes) and (self.matcher or {}).get("model") != entry.model

    def spec(self) -> dict[str, Any]:
        return {**({"matcher": self.matcher} if self.matcher else {}), "routes": self.routes}


def read(root: Value, entries: list[Entry], reading: Reading) -> Routes:
    """All preferences whose models are entries."""
    section = root.get("routing_preferences")
    made = Routes()
    for value in section.elements if section else ():
        _add(value, list(_models(value, entries, reading)), made, reading)
    for entry in entries:
        own = entry.value.get("routing_preferences")
        for value in own.elements if own else ():
            _add(value, [entry], made, reading)
    if made.routes:
        made.matcher = _scorer(root, entries)
        if made.matcher is None:
            reading.note(section or Value("routing_preferences", root.line, None), _NO_SCORER)
    return made


def _models(value: Value, entries: list[Entry], reading: Reading) -> Iterator[Entry]:
    models = value.get("models")
    for element in models.elements if models else ():
        name = reading.text(element)
        entry = next((each for each in entries if name in (each.name, each.model, each.label) and not each.is_wildcard), None)
        if entry is None:
            reading.note(element, "is no model that is imported")
        else:
            yield entry


def _add(value: Value, found: list[Entry], made: Routes, reading: Reading) -> None:
    reading.rest(value, ("name", "description", "models", "selection_policy"))
    name, description = reading.text(value.get("name")), reading.text(value.get("description"))
    if not name or not description or not found or len(made.routes) == _MOST_ROUTES:
        reading.note(value, f"needs a name, a description and models, and is one of at most {_MOST_ROUTES}; it is left out")
        return
    called = re.sub(r"[^-A-Za-z0-9._]+", "-", name)[:_LONGEST_NAME]
    if called in (route["name"] for route in made.routes):
        reading.note(value, "has the name of an earlier one, which counts")
        return
    if called != name:
        reading.note(value, f"is called {called} here")
    policy = value.get("selection_policy")
    prefer = reading.choice(policy.get("prefer"), _PREFER) if policy else None
    words = " ".join(description.split())
    words = "".join(character for character in words if character.isprintable())[:_LONGEST_DESCRIPTION]
    models = list(dict.fromkeys(entry.target for entry in found))[:_MOST_MODELS]
    route = {"name": called, "description": words, "models": models}
    made.routes.append(route | ({"prefer": prefer} if prefer else {}))
    made.entries += [entry for entry in found if entry not in made.entries]


def _scorer(root: Value, entries: list[Entry]) -> dict[str, Any] | None:
    """The router model, if it is one of the entries."""
    overrides, routing = root.get("overrides"), root.get("routing")
    named = [
        overrides.get("llm_routing_model") if overrides else None,
        routing.get("model_provider") if routing else None,
        routing.get("llm_provider") if routing else None,
    ]
    names = [str(value.content) for value in named if value is not None]
    entry = next((each for name in names for each in entries if name in (each.name, each.model, each.label)), None)
    if entry is None or entry.is_wildcard:
        return None
    return {
        "type": "Scorer",
        "providerRef": {"name": entry.prefix},
        "model": entry.model,
        "timeoutMilliseconds": _SCORER_MILLISECONDS,
    }
