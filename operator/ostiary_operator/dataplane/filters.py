"""Filters and catalogue entries of Models, as the document holds them."""

from collections.abc import Sequence
from typing import Literal

from ostiary_gateway.contract import model as contract
from ostiary_operator.api import filters as api

_TYPES: dict[api.FilterType, Literal["http", "patterns", "jailbreak"]] = {
    "HTTP": "http",
    "Patterns": "patterns",
    "Jailbreak": "jailbreak",
}
_FAILURES: dict[api.OnFailure, Literal["open", "closed"]] = {"Open": "open", "Closed": "closed"}
_ACTIONS: dict[api.Action, Literal["redact", "reject"]] = {"Redact": "redact", "Reject": "reject"}


def build_filters(specs: Sequence[api.Filter], scorers: Sequence[str]) -> tuple[contract.Filter, ...]:
    """`scorers` are prefixes of Providers, one for each filter."""
    return tuple(_filter(spec, scorer) for spec, scorer in zip(specs, scorers, strict=True))


def _filter(spec: api.Filter, scorer: str) -> contract.Filter:
    return contract.Filter(
        name=spec.name,
        type=_TYPES[spec.type],
        url=spec.url or "",
        headers=tuple((each.name, each.value) for each in spec.headers),
        timeout_ms=spec.timeout_milliseconds,
        on_failure=_FAILURES[spec.on_failure],
        patterns=spec.patterns,
        action=_ACTIONS[spec.action],
        provider=scorer,
        model=spec.model or "",
        threshold=spec.threshold_percent / 100,
        message=spec.message or "",
    )


def build_catalogue(spec: api.Catalogue) -> contract.Catalogue:
    return contract.Catalogue(
        context_length=spec.context_length or 0, description=spec.description or "", modalities=spec.modalities
    )
