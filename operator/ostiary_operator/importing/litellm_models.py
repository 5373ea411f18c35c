"""Groups of deployments -> Models: who is asked first, and who next."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ostiary_operator.api import names
from ostiary_operator.importing import litellm_policy, objects
from ostiary_operator.importing.litellm_deployments import Deployment
from ostiary_operator.importing.located import Value
from ostiary_operator.importing.outcome import Manifest
from ostiary_operator.importing.reading import Reading

_STRATEGIES = {"simple-shuffle": "Weighted", "latency-based-routing": "Latency", "cost-based-routing": "Cost"}
_NEAREST = "has no equal in Ostiary: Weighted, which spreads by weight, is the nearest"
_LIMITED = "is no limit in Ostiary, only a share among deployments"
_MOST_BACKENDS = 32
_MOST_WEIGHT = 1000
_MOST_PRIORITY = 100
_DAY_MS = 86_400_000

Groups = dict[str, list[Deployment]]


@dataclass(frozen=True, slots=True)
class Backends:
    """Of one Model: `own` deployments, those of its `fallbacks` in order, and all as manifests have them."""

    own: tuple[Deployment, ...]
    fallbacks: tuple[Deployment, ...]
    made: tuple[dict[str, Any], ...]

    @property
    def all(self) -> tuple[Deployment, ...]:
        return (*self.own, *self.fallbacks)


def models(found: list[Deployment], router: Mapping[str, Value], reading: Reading) -> Iterator[Manifest]:
    """A Model for each group that its Provider's prefix does not offer anyway."""
    groups = _groups(found, reading)
    selection = _selection(router.get("routing_strategy"), router, groups, reading)
    fallbacks = litellm_policy.fallbacks(router, groups, reading)
    aliases = _aliases(router.get("model_group_alias"), groups, reading)
    taken: list[str] = []
    for group, own in groups.items():
        backends = _backends(own, fallbacks.get(group, []))
        if len(backends.all) > len(backends.made):
            reading.note(own[0].value, f"has more than {_MOST_BACKENDS} deployments with its fallbacks; the rest is left out")
        taken.append(objects.unused(objects.object_name(group), taken))
        spec: dict[str, Any] = {"name": group}
        if group in aliases:
            spec["aliases"] = aliases[group]
        spec["backends"] = list(backends.made)
        if len(own) > 1:
            spec["selection"] = selection
        policy = litellm_policy.policy(group, backends.own, backends.fallbacks, router, reading)
        spec |= {"retryPolicy": policy} if policy else {}
        timeouts = _timeouts(own, reading)
        spec |= {"timeouts": timeouts} if timeouts else {}
        made = objects.manifest(names.MODEL, taken[-1], spec)
        why = objects.problem(made)
        if why:
            reading.note(own[0].value, f"makes no Model that Ostiary would take ({why})")
        else:
            yield made


def _groups(found: list[Deployment], reading: Reading) -> Groups:
    groups: Groups = {}
    for deployment in found:
        if deployment.is_catalogue:
            continue
        if deployment.is_wildcard and deployment.group != deployment.model:
            reading.note(deployment.value, "is sent under the name that was asked for; another one cannot be made of a pattern")
            continue
        groups.setdefault(deployment.group, []).append(deployment)
    return groups


def _selection(value: Value | None, router: Mapping[str, Value], groups: Groups, reading: Reading) -> str:
    strategy = reading.text(value) or "simple-shuffle"
    if value is not None and strategy not in _STRATEGIES:
        reading.note(value, _NEAREST)
    checks = router.get("enable_pre_call_checks")
    if (checks is not None and checks.content is True) or strategy.startswith("usage-based"):
        limits = [limit for own in groups.values() for each in own for key in ("rpm", "tpm") if (limit := each.setting(key))]
        for limit in limits:
            reading.note(limit, _LIMITED)
    return _STRATEGIES.get(strategy, "Weighted")


def _backends(own: list[Deployment], fallbacks: list[list[Deployment]]) -> Backends:
    """Priorities: the group's own by `order`, then each fallback group after the one before."""
    made: dict[str, dict[str, Any]] = {}
    first: dict[str, Deployment] = {}
    lowest = 0
    for members in (own, *fallbacks):
        ranks = sorted({_order(each) for each in members})
        for each, weight in zip(members, _weights(members), strict=True):
            if each.target in made:
                if each in own:
                    made[each.target]["weight"] = min(_MOST_WEIGHT, made[each.target].get("weight", 1) + weight)
                continue
            priority = min(_MOST_PRIORITY, lowest + ranks.index(_order(each)))
            more = {"weight": weight} if weight != 1 else {}
            made[each.target] = each.backend() | more | ({"priority": priority} if priority else {})
            first[each.target] = each
        lowest += len(ranks)
    kept = list(first.values())
    return Backends(
        tuple(each for each in kept if each in own),
        tuple(each for each in kept if each not in own),
        tuple(made.values())[:_MOST_BACKENDS],
    )


def _order(deployment: Deployment) -> float:
    value = deployment.params.get("order")
    return float(value.content) if value and isinstance(value.content, int | float) and math.isfinite(value.content) else math.inf


def _weights(members: list[Deployment]) -> list[int]:
    """By weight, else rpm, else tpm, as LiteLLM does; equal if none says any."""
    for key in ("weight", "rpm", "tpm"):
        numbers = [_positive(each.setting(key)) for each in members]
        if any(numbers):
            scale = max(numbers) / _MOST_WEIGHT
            plain = all(number == int(number) for number in numbers) and scale <= 1
            return [int(number) if plain or not number else max(1, round(number / scale)) for number in numbers]
    return [1] * len(members)


def _positive(value: Value | None) -> float:
    content = value.content if value else 0
    return max(0.0, float(content)) if isinstance(content, int | float) and math.isfinite(content) else 0.0


def _timeouts(own: list[Deployment], reading: Reading) -> dict[str, int]:
    made = {}
    for theirs, ours in (("timeout", "attemptMilliseconds"), ("stream_timeout", "firstByteMilliseconds")):
        values = [value for each in own if (value := each.params.get(theirs)) is not None]
        seconds = [found for value in values if (found := reading.number(value)) is not None and found > 0]
        if not seconds:
            continue
        made[ours] = min(_DAY_MS, math.ceil(max(seconds) * 1000))
        if len(set(seconds)) > 1 or len(seconds) < len(own):
            reading.note(values[0], "is the same for all deployments of a Model: the longest counts")
        if theirs == "stream_timeout":
            reading.note(values[0], "bounds the time to the first byte here, with and without streaming")
    return made


def _aliases(section: Value | None, groups: Groups, reading: Reading) -> dict[str, list[str]]:
    aliases: dict[str, list[str]] = {}
    taken = {group.lower() for group in groups}
    for alias, value in (section.items if section else {}).items():
        target = reading.text(value.get("model") or value)
        hidden = value.get("hidden")
        if hidden is not None and hidden.content is True:
            reading.note(hidden, "GET /v1/models never lists aliases")
        if target not in groups:
            reading.note(value, "leads to no group that is imported")
        elif not objects.is_alias(alias) or alias.lower() in taken:
            reading.note(value, "is a name that an alias cannot have, or that is taken (upper and lower case alike)")
        else:
            taken.add(alias.lower())
            aliases.setdefault(target, []).append(alias)
    return aliases
