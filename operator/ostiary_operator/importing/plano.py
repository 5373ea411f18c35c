"""Plano's configuration: `model_providers` with `retry_policy`, aliases, routing preferences, listeners.

Its format is Plano's own schema (v0.1 to v0.4, with the retry policy of behaviour.md 2.2). What follows from it here:

* An entry `vendor/model` is a Model of that name. The bare `model` and the entry's `name` are aliases, as in Plano.
* Without `retry_policy` an entry has one backend, so that nothing is ever retried. With one, all other entries are further
  backends, `fallback_models` first.
* `vendor/*` is the Provider alone: its whole catalogue is offered by its prefix.
* `default` has no effect: Plano refuses a request without a model, or with an unknown one, as Ostiary does (PL-21, PL-22).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ostiary_operator.api import names
from ostiary_operator.importing import objects, plano_entries, plano_listeners, plano_policy, plano_routing
from ostiary_operator.importing.located import UnreadableError, Value, read
from ostiary_operator.importing.objects import Accounts
from ostiary_operator.importing.outcome import Imported, Manifest, Surroundings
from ostiary_operator.importing.plano_entries import Entry
from ostiary_operator.importing.reading import Reading

VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_TAKEN = (
    "version", "listeners", "model_providers", "llm_providers", "model_aliases", "routing_preferences", "overrides", "routing",
    "filters", "prompt_guards", "state_storage",
)  # fmt: skip
_WHY: Mapping[str, str] = {
    "agents": "agents are not routed to by Ostiary",
    "endpoints": "Ostiary calls providers only",
    "prompt_targets": "Ostiary has no prompt targets",
    "system_prompt": "Ostiary never changes a prompt",
    "ratelimits": "Ostiary does not limit tokens by a header",
    "tracing": "Ostiary sends no traces; it has metrics and a ledger",
    "model_metrics_sources": "prices are Ostiary's own or a Model's, latencies are measured",
}
_NO_KEY = "Plano asks callers for no key, Ostiary does: make some with `ostiary key new`, or import again with --key"
_MOST_ALIASES = 64


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the rest of the file says to each of its models."""

    entries: list[Entry]
    aliases: Mapping[str, list[str]]
    routing: plano_routing.Routes
    listener: plano_listeners.Listener


def plano(text: str, around: Surroundings) -> Imported:
    """Read a configuration of Plano.

    Raises:
        UnreadableError: it is no YAML, or not Plano's.
    """
    root = read(text)
    if not {"model_providers", "llm_providers", "listeners"} & root.items.keys():
        raise UnreadableError("is no configuration of Plano: it has no model_providers")
    reading = Reading(text, VARIABLE, around)
    accounts = Accounts()
    reading.rest(root, _TAKEN, _WHY)
    listener = plano_listeners.read(root, reading)
    entries = plano_entries.read(root, reading, accounts)
    aliases = _aliases(root, entries, reading)
    routing = plano_routing.read(root, entries, reading)
    whole = _Whole(entries, aliases, routing, listener)
    models = [(entry.value, _model(entry, whole, reading)) for entry in entries if not entry.is_wildcard]
    manifests = [*accounts.manifests(), *_usable(models, reading), *_keys(entries, root, reading)]
    return Imported(
        source="plano",
        manifests=tuple(manifests),
        settings=listener.settings,
        variables=tuple(reading.variables),
        notes=tuple(sorted(reading.notes)),
        secrets=reading.secrets,
    )


def _model(entry: Entry, whole: _Whole, reading: Reading) -> Manifest:
    entries, routing, listener = whole.entries, whole.routing, whole.listener
    aliases = whole.aliases.get(entry.name, [])
    policy = entry.value.get("retry_policy")
    fallbacks = plano_policy.fallbacks(policy, entry, entries, reading) if policy else []
    rest = [other for other in entries if other is not entry and not other.is_wildcard] if policy else []
    others = list(dict.fromkeys([*fallbacks, *routing.candidates(entry), *rest]))
    if len(others) >= plano_policy.MOST_BACKENDS:
        reading.note(entry.value, f"has more than {plano_policy.MOST_BACKENDS - 1} models to go on to; the rest is left out")
    others = others[: plano_policy.MOST_BACKENDS - 1]
    spec: dict[str, Any] = {"name": entry.name}
    if aliases:
        spec["aliases"] = aliases[:_MOST_ALIASES]
    spec["backends"] = [entry.backend(0), *(other.backend(1 if other in fallbacks else 2) for other in others)]
    if policy:
        spec["retryPolicy"] = plano_policy.policy(policy, entry, others, fallbacks, reading)
    elif listener.retries:
        spec["retryPolicy"] = plano_policy.of_listener(listener.retries)
    elif others:
        spec["retryPolicy"] = {"defaultMaxAttempts": 0}
    if listener.timeout_ms:
        spec["timeouts"] = {"requestMilliseconds": listener.timeout_ms}
    if listener.filters:
        spec["filters"] = listener.filters
    if routing.counts_for(entry):
        spec["routing"] = routing.spec()
    return objects.manifest(names.MODEL, entry.object_name, spec)


def _aliases(root: Value, entries: list[Entry], reading: Reading) -> dict[str, list[str]]:
    """Names beside the name of each entry, by that name. Ostiary does not tell upper from lower case in them."""
    known = {name: entry for entry in entries for name in (entry.model, entry.label, entry.name) if not entry.is_wildcard}
    wanted = [(name, entry.name, entry.value) for name, entry in known.items()]
    section = root.get("model_aliases")
    for alias, value in (section.items if section else {}).items():
        target = known.get(reading.text(value.get("target")) or "")
        reading.rest(value, ("target",))
        if target is None:
            reading.note(value, "its target is no model that is imported")
        else:
            wanted.insert(0, (alias, target.name, value))
    return _assigned(wanted, {entry.name.lower() for entry in entries}, reading)


def _assigned(wanted: list[tuple[str, str, Value]], taken: set[str], reading: Reading) -> dict[str, list[str]]:
    aliases: dict[str, list[str]] = {}
    for alias, name, value in wanted:
        if alias == name:
            continue
        if not objects.is_alias(alias):
            reading.note(value, "would have a name with characters that an alias cannot have, and is not called by it")
        elif alias.lower() in taken:
            reading.note(value, "would have a name that another one has (upper and lower case alike), and is not called by it")
        else:
            taken.add(alias.lower())
            aliases.setdefault(name, []).append(alias)
    return aliases


def _usable(models: list[tuple[Value, Manifest]], reading: Reading) -> Iterator[Manifest]:
    for value, made in models:
        why = objects.problem(made)
        if why:
            reading.note(value, f"makes no Model that Ostiary would take ({why})")
        else:
            yield made


def _keys(entries: list[Entry], root: Value, reading: Reading) -> Iterator[Manifest]:
    if reading.around.key:
        yield objects.key_of(reading.around.key, (entry.pattern for entry in entries))
    else:
        reading.note(Value("", root.line, None), _NO_KEY)
