"""Which backends the gateway's pods leave alone, as they tell in an annotation, and how often that is passed on. Pure.

The annotation is `{"<prefix>/<provider model>": ["OPEN" | "HALF_OPEN" | "BLOCKED", "<RFC 3339 since>"]}`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from ostiary_operator.api import names, times
from ostiary_operator.api.provider import Unhealthy
from ostiary_operator.reconcile.rollout import is_ready

Health = Mapping[str, tuple[Unhealthy, ...]]
"""Prefix of a Provider -> its backends that are left alone, the longest first; no prefix without any."""
_State = Literal["OPEN", "HALF_OPEN", "BLOCKED"]
_MOST = 64  # of one Provider: a status is no place for thousands
_PAUSE = timedelta(seconds=10)


def unhealthy(pods: Iterable[Mapping[str, Any]]) -> Health:
    """What all ready pods say; what is no such thing is left out."""
    found: dict[str, list[Unhealthy]] = {}
    for pod in pods:
        text = (pod["metadata"].get("annotations") or {}).get(names.HEALTH, "")
        for backend, (state, since) in (_said(text) if text and is_ready(pod) else {}).items():
            at = times.parse(since)
            if at is not None:
                each = Unhealthy(backend=backend, state=state, since=times.to_text(at), replica=pod["metadata"]["name"])
                found.setdefault(backend.partition("/")[0], []).append(each)
    return {prefix: tuple(sorted(said, key=_age)[:_MOST]) for prefix, said in found.items()}


class Pace:
    """Lets the health of one Provider change only so often: breakers that flap must not become writes without end."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[Unhealthy, ...]] = {}
        self._at: dict[str, datetime] = {}

    def take(self, said: Health, now: datetime) -> tuple[Health, datetime | None]:
        """What is to be told now, and when to look again if that is not all; None is never."""
        due = None
        for prefix in said.keys() | self._told.keys():
            new = said.get(prefix, ())
            if new == self._told.get(prefix, ()):
                continue
            free = self._at[prefix] + _PAUSE if prefix in self._at else now
            if now < free:
                due = min(due, free) if due else free
                continue
            self._told[prefix], self._at[prefix] = new, now
        self._told = {prefix: told for prefix, told in self._told.items() if told}
        self._at = {prefix: at for prefix, at in self._at.items() if now < at + _PAUSE}
        return dict(self._told), due


def _age(each: Unhealthy) -> tuple[str, str, str]:
    return each.since, each.backend, each.replica


def _said(text: str) -> dict[str, tuple[_State, str]]:
    try:
        return msgspec.json.decode(text, type=dict[str, tuple[_State, str]])
    except msgspec.DecodeError:
        return {}
