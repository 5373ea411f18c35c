"""Retries, fallbacks and cooldowns of LiteLLM's router -> `spec.retryPolicy`.

LiteLLM tries a group `num_retries` times more (408, 409, 429, 5xx, timeouts), then its fallback groups (any error). Ostiary has
one strategy per status: the next backend where there is one, in the order of the group and then its fallbacks, else the same.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ostiary_operator.importing.litellm_deployments import Deployment
from ostiary_operator.importing.located import Value
from ostiary_operator.importing.reading import Reading

_RETRIES = 2  # LiteLLM's own default
_MOST_RETRIES = 8
_FIRST_MS, _LONGEST_MS = 500, 8000  # the same
_LONGEST_RETRY_AFTER = 60  # the same
_RETRIED: tuple[int | str, ...] = (408, 409, 429, "500-599")
_BY_ERROR: Mapping[str, tuple[int | str, ...]] = {
    "BadRequestErrorRetries": (400,),
    "AuthenticationErrorRetries": (401,),
    "TimeoutErrorRetries": (408,),
    "RateLimitErrorRetries": (429,),
    "InternalServerErrorRetries": ("500-599",),
}
_AT_ONCE = "the fallback is tried at once: the same deployment is not tried again before it"
_MIXED = "has several deployments at one Provider: after a failure only one of them is tried, then other Providers"


def fallbacks(
    router: Mapping[str, Value], groups: Mapping[str, list[Deployment]], reading: Reading
) -> dict[str, list[list[Deployment]]]:
    """For each group the groups after it; a single deployment, named by its id, is a group too."""
    ids = {each.id: [each] for own in groups.values() for each in own if each.id}
    known = {**ids, **groups}
    found: dict[str, list[list[Deployment]]] = {}
    general = list(_members(router.get("default_fallbacks"), known, reading))
    section = router.get("fallbacks")
    for element in section.elements if section else ():
        for group, value in element.items.items():
            members = list(_members(value, known, reading))
            if group == "*":
                general = members
            elif group in groups:
                found[group] = members
            else:
                reading.note(value, "is for no group that is imported")
    return {group: [members for members in found.get(group, general) if members is not own] for group, own in groups.items()}


def _members(section: Value | None, known: Mapping[str, list[Deployment]], reading: Reading) -> Iterator[list[Deployment]]:
    for value in section.elements if section else ():
        name = reading.text(value)
        members = known.get(name or "")
        if members is None or any(each.is_wildcard for each in members):
            reading.note(value, "is no group that is imported, or one that is a pattern")
        else:
            yield members


def policy(
    group: str, own: tuple[Deployment, ...], after: tuple[Deployment, ...], router: Mapping[str, Value], reading: Reading
) -> dict[str, Any] | None:
    """None where the built-in policy does the same: nothing is retried, and there is nothing else."""
    asked = reading.whole(router.get("num_retries"), 0, _MOST_RETRIES)
    retries = _RETRIES if asked is None else asked
    everyone = (*own, *after)
    by_error = _by_error(group, router, reading)
    if not retries and not after and not any(by_error.values()):
        return None if len(everyone) == 1 else {"defaultMaxAttempts": 0}
    if len(own) == 1 and after and retries:
        reading.note(own[0].value, _AT_ONCE)
    strategy = _strategy(everyone, reading)
    most = min(_MOST_RETRIES, retries + len(after))
    rules = [_rule(codes, strategy, by_error.get(name, 0) + len(after)) for name, codes in _BY_ERROR.items() if name in by_error]
    special = {code for name, codes in _BY_ERROR.items() if name in by_error for code in codes}
    rest = [code for code in _RETRIED if code not in special]
    timeouts = min(_MOST_RETRIES, by_error.get("TimeoutErrorRetries", retries) + len(after))
    made: dict[str, Any] = {
        "fallbackModels": [each.target for each in (after if len(own) == 1 else everyone) if not each.is_wildcard],
        "defaultStrategy": strategy,
        "defaultMaxAttempts": most if len(everyone) > 1 else 0,
        "onStatusCodes": [*rules, *([_rule(tuple(rest), strategy, most)] if rest else [])],
        "onTimeout": {"strategy": strategy, "maxAttempts": timeouts} if timeouts else None,
        "backoff": _backoff(router.get("retry_after"), reading),
        "retryAfterHandling": {"maxRetryAfterSeconds": _LONGEST_RETRY_AFTER},
    }
    return {key: value for key, value in made.items() if value not in (None, [])}


def _rule(codes: tuple[int | str, ...], strategy: str, attempts: int) -> dict[str, Any]:
    return {"codes": list(codes), "strategy": strategy, "maxAttempts": min(_MOST_RETRIES, attempts)}


def _strategy(everyone: tuple[Deployment, ...], reading: Reading) -> str:
    prefixes = [each.prefix for each in everyone]
    if len(everyone) == 1:
        return "SameModel"
    if len(set(prefixes)) == 1:
        return "SameProvider"
    if len(set(prefixes)) < len(prefixes):
        reading.note(everyone[0].value, _MIXED)
    return "DifferentProvider"


def _by_error(group: str, router: Mapping[str, Value], reading: Reading) -> dict[str, int]:
    """Retries by LiteLLM's kinds of errors; a group's own policy wins."""
    groups = router.get("model_group_retry_policy")
    section = (groups.get(group) if groups else None) or router.get("retry_policy")
    if section is None:
        return {}
    reading.rest(section, _BY_ERROR, {"ContentPolicyViolationErrorRetries": "depends on the text of the error"})
    found = {name: reading.whole(section.get(name), 0, _MOST_RETRIES) for name in _BY_ERROR}
    return {name: count for name, count in found.items() if count is not None}


def _backoff(value: Value | None, reading: Reading) -> dict[str, Any]:
    """`retry_after` is the shortest wait, in seconds."""
    seconds = reading.number(value) or 0.0
    first = max(_FIRST_MS, min(86_000_000, math.ceil(seconds * 1000)))
    longest = max(_LONGEST_MS, first + 1)
    return {"applyTo": "SameModel", "baseMilliseconds": first, "maxMilliseconds": longest, "jitter": not seconds}
