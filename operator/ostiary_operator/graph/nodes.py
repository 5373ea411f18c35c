"""Nodes of the graph: objects with what they refer to resolved, and what is wrong with them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ostiary_gateway.contract.allowlist import Entry
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.baseurl import BaseUrl
from ostiary_operator.api.conditions import ConditionType
from ostiary_operator.api.provider import Provider

KeyState = Literal["current", "retiring", "disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an object is left out, or (not `fatal`) what its author should know. Never quotes a secret."""

    condition: ConditionType
    reason: str
    message: str
    field: str = "spec"
    fatal: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderNode:
    """`credential` is what Ostiary shows the provider, None where the caller's own goes upstream."""

    resource: Provider
    problems: tuple[Problem, ...] = ()
    url: BaseUrl | None = None
    credential: str | None = field(default=None, repr=False)

    @property
    def usable(self) -> bool:
        return not any(problem.fatal for problem in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValue:
    """One value of a key. `expires` is None for never."""

    version: str
    sha256: str
    state: KeyState
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNode:
    """`values` are the current one first, then the one that retires."""

    resource: ApiKey
    problems: tuple[Problem, ...] = ()
    values: tuple[KeyValue, ...] = ()
    rotation: "Rotation | None" = None

    @property
    def key_id(self) -> str:
        return self.resource.metadata.id

    @property
    def usable(self) -> bool:
        return not any(problem.fatal for problem in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What the key Secret says of rotation; texts are empty where it says nothing."""

    version: str = "1"
    rotated_at: str = ""
    retiring_until: datetime | None = None
    observed_rotate: str = ""

    @property
    def retiring_version(self) -> str:
        return str(int(self.version) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """`rows` go to the allow-list as they are, but for keys that an ApiKey has."""

    providers: tuple[ProviderNode, ...] = ()
    keys: tuple[KeyNode, ...] = ()
    rows: tuple[Entry, ...] = ()
