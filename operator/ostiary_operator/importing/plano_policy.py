"""`retry_policy` (behaviour.md 2.2) in Ostiary's names. Plano rejects unknown keys; here they are noted."""

from typing import Any

from ostiary_operator.importing.located import Value
from ostiary_operator.importing.plano_entries import Entry
from ostiary_operator.importing.reading import Reading

MOST_BACKENDS = 32
_MOST_RETRIES = 8
_MOST_RULES = 16
_MOST_CODES = 32
_DAY = 86_400
_STRATEGY = {"same_model": "SameModel", "same_provider": "SameProvider", "different_provider": "DifferentProvider"}
_SCOPE = {"model": "Model", "provider": "Provider"}
_REACH = {"global": "Global", "request": "Request"}
_BACKOFF = {"same_model": "SameModel", "same_provider": "SameProvider", "global": "Global"}
_MEASURE = {"ttfb": "TimeToFirstByte", "total": "Total"}
_TAKEN = (
    "fallback_models", "default_strategy", "default_max_attempts", "on_status_codes", "on_timeout", "on_high_latency", "backoff",
    "retry_after_handling", "max_retry_duration_ms",
)  # fmt: skip
_PREFIXES = "its vendor is several Providers here, which count as different ones for SameProvider and DifferentProvider"


def fallbacks(policy: Value, entry: Entry, entries: list[Entry], reading: Reading) -> list[Entry]:
    """`fallback_models` that are other entries, in order; Plano too skips those that are none."""
    section = policy.get("fallback_models")
    found: list[Entry] = []
    for value in section.elements if section else ():
        name = reading.text(value) or ""
        other = next((each for each in entries if each.name == name and not each.is_wildcard), None)
        if "/" not in name:
            reading.note(value, "is not <vendor>/<model>")
        elif other is not None and other is not entry and other not in found:
            found.append(other)
    return found


def policy(section: Value, entry: Entry, others: list[Entry], fallback: list[Entry], reading: Reading) -> dict[str, Any]:
    """`spec.retryPolicy` of a Model with these further backends."""
    reading.rest(section, _TAKEN)
    if any(other.vendor == entry.vendor and other.prefix != entry.prefix for other in others):
        reading.note(section, _PREFIXES)
    parts: dict[str, Any] = {
        "fallbackModels": [other.target for other in fallback][:MOST_BACKENDS],
        "defaultStrategy": reading.choice(section.get("default_strategy"), _STRATEGY),
        "defaultMaxAttempts": reading.whole(section.get("default_max_attempts"), 0, _MOST_RETRIES),
        "onStatusCodes": _rules(section.get("on_status_codes"), reading),
        "onTimeout": _rule(section.get("on_timeout"), 1, reading),
        "onHighLatency": _latency(section.get("on_high_latency"), reading),
        "backoff": _backoff(section.get("backoff"), reading),
        "retryAfterHandling": _retry_after(section.get("retry_after_handling"), reading),
        "maxRetryDurationMilliseconds": reading.whole(section.get("max_retry_duration_ms"), 1, _DAY * 1000),
    }
    return _said(parts)


def of_listener(retries: int) -> dict[str, Any]:
    """`max_retries` of a listener: Envoy tries the same provider again, on these statuses and after failed connections."""
    rule = {"strategy": "SameModel", "maxAttempts": retries}
    return {
        "defaultStrategy": "SameModel",
        "defaultMaxAttempts": 0,
        "onStatusCodes": [{"codes": [429, "500-599"], **rule}],
        "onTimeout": rule,
        "backoff": {"applyTo": "Global", "baseMilliseconds": 500, "maxMilliseconds": 5000, "jitter": True},
    }


def _said(parts: dict[str, Any]) -> dict[str, Any]:
    """Without what was not said, so that Ostiary's defaults (which are Plano's) count."""
    return {key: value for key, value in parts.items() if value is not None and value != []}


def _rules(section: Value | None, reading: Reading) -> list[dict[str, Any]]:
    rules = []
    for value in section.elements if section else ():
        codes = _codes(value.get("codes"), reading)
        rule = _rule(value, 0, reading, ("codes", "strategy", "max_attempts"))
        if codes and rule:
            rules.append({"codes": codes[:_MOST_CODES], **rule})
        if len(codes) > _MOST_CODES:
            reading.note(value, f"has more than {_MOST_CODES} codes; the rest is left out")
    if section and len(rules) > _MOST_RULES:
        reading.note(section, f"has more than {_MOST_RULES} rules; the rest is left out")
    return rules[:_MOST_RULES]


def _codes(section: Value | None, reading: Reading) -> list[int | str]:
    codes: list[int | str] = []
    for value in section.elements if section else ():
        text = reading.text(value) or ""
        first, dash, last = (part.strip() for part in text.partition("-"))
        numbers = [int(part) if part.isascii() and part.isdigit() else 0 for part in ((first, last) if dash else (first,))]
        if all(100 <= number <= 599 for number in numbers) and numbers[0] <= numbers[-1]:  # noqa: PLR2004 - statuses
            codes.append(f"{numbers[0]}-{numbers[1]}" if dash else numbers[0])
        else:
            reading.note(value, "is neither a status from 100 to 599 nor a range of them")
    return codes


def _rule(
    section: Value | None, least: int, reading: Reading, known: tuple[str, ...] = ("strategy", "max_attempts")
) -> dict[str, Any] | None:
    if section is None:
        return None
    reading.rest(section, known)
    strategy = reading.choice(section.get("strategy"), _STRATEGY)
    attempts = reading.whole(section.get("max_attempts"), least, _MOST_RETRIES)
    if strategy is None or attempts is None:
        reading.note(section, "needs strategy and max_attempts, and is left out")
        return None
    return {"strategy": strategy, "maxAttempts": attempts}


_LATENCY = (
    "threshold_ms", "measure", "strategy", "max_attempts", "block_duration_seconds", "scope", "apply_to", "min_triggers",
    "trigger_window_seconds",
)  # fmt: skip


def _latency(section: Value | None, reading: Reading) -> dict[str, Any] | None:
    threshold = reading.whole(section.get("threshold_ms"), 1, _DAY * 1000) if section else None
    rule = _rule(section, 0, reading, _LATENCY)
    if section is None or rule is None:
        return None
    triggers = reading.whole(section.get("min_triggers"), 1, 1000)
    window = reading.whole(section.get("trigger_window_seconds"), 1, _DAY)
    if threshold is None or ((triggers or 1) > 1 and window is None):
        reading.note(section, "needs threshold_ms, and trigger_window_seconds with more than one trigger; it is left out")
        return None
    return _said(
        {
            "thresholdMilliseconds": threshold,
            "measure": reading.choice(section.get("measure"), _MEASURE),
            **rule,
            "blockDurationSeconds": reading.whole(section.get("block_duration_seconds"), 1, _DAY),
            "scope": reading.choice(section.get("scope"), _SCOPE),
            "applyTo": reading.choice(section.get("apply_to"), _REACH),
            "minTriggers": triggers,
            "triggerWindowSeconds": window,
        }
    )


def _backoff(section: Value | None, reading: Reading) -> dict[str, Any] | None:
    if section is None:
        return None
    reading.rest(section, ("apply_to", "base_ms", "max_ms", "jitter"))
    apply_to = reading.choice(section.get("apply_to"), _BACKOFF)
    base = reading.whole(section.get("base_ms"), 1, _DAY * 1000)
    longest = reading.whole(section.get("max_ms"), 1, _DAY * 1000)
    jitter = section.get("jitter")
    if apply_to is None or (5000 if longest is None else longest) <= (100 if base is None else base):
        reading.note(section, "needs apply_to, and max_ms above base_ms; it is left out")
        return None
    waits = {"applyTo": apply_to, "baseMilliseconds": base, "maxMilliseconds": longest}
    return _said(waits | {"jitter": None if jitter is None else jitter.content is not False})


def _retry_after(section: Value | None, reading: Reading) -> dict[str, Any] | None:
    if section is None:
        return None
    reading.rest(section, ("scope", "apply_to", "max_retry_after_seconds"))
    return _said(
        {
            "scope": reading.choice(section.get("scope"), _SCOPE),
            "applyTo": reading.choice(section.get("apply_to"), _REACH),
            "maxRetryAfterSeconds": reading.whole(section.get("max_retry_after_seconds"), 1, _DAY),
        }
    )
