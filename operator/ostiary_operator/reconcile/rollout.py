"""Which gateway pods have which objects in force. Pure.

A pod reports the digest of its bundle. An object is in force there if that bundle was compiled from the object's present state,
which an older bundle may be too: that others change does not unsettle it.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, Self

from ostiary_operator.api import names
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.budget import Budget
from ostiary_operator.api.model import Model
from ostiary_operator.api.provider import Provider
from ostiary_operator.status import Rollout

State = tuple[Any, ...]  # whatever of an object matters to the bundle
Ref = tuple[str, str, str]  # kind, namespace, name
_KEPT = 1000


class Rollouts:
    """The bundles of this operator's time in their order, and since which of them each object is as it is."""

    def __init__(self) -> None:
        self._place: dict[str, int] = {}  # digest -> its place, the last one if it came twice
        self._latest = -1
        self._since: dict[Ref, tuple[State, int]] = {}

    @property
    def begun(self) -> bool:
        return self._latest >= 0

    def begin(self, digest: str, settled: Mapping[Ref, State]) -> None:
        """Take over: `digest` is the bundle that is in the cluster, and holds the `settled` objects as they are now."""
        self._latest = 0
        self._place = {digest: 0}
        self._since = {ref: (state, 0) for ref, state in settled.items()}

    def add(self, digest: str, states: Mapping[Ref, State]) -> None:
        """A bundle was written, compiled from objects in these states; nothing happens if it is the last one again."""
        if self._place.get(digest) != self._latest:
            self._latest += 1
            places = self._place | {digest: self._latest}
            self._place = {key: place for key, place in places.items() if place > self._latest - _KEPT}
        known = self._since
        self._since = {
            ref: known[ref] if ref in known and known[ref][0] == state else (state, self._latest) for ref, state in states.items()
        }

    def frozen(self) -> Self:
        """As they are now, whatever is added later."""
        return copy(self)

    def of(self, ref: Ref, reports: Iterable[str]) -> Rollout:
        """How far an object has come, given the digest that each ready pod reports (empty: none)."""
        since = self._since[ref][1]
        places = [self._place.get(digest, -1) for digest in reports]
        return Rollout(replicas=len(places), behind=sum(place < since for place in places))


def ref_of(item: Provider | Model | ApiKey | Budget) -> Ref:
    return item.kind, item.metadata.namespace, item.metadata.name


def reports(pods: Iterable[Mapping[str, Any]]) -> list[str]:
    """The digest that each ready pod reports, empty where none."""
    return [(pod["metadata"].get("annotations") or {}).get(names.BUNDLE, "") for pod in pods if is_ready(pod)]


def is_ready(pod: Mapping[str, Any]) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
