"""Nodes of the graph: objects with what they refer to resolved, and what is wrong with them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ostiary_gateway.contract.allowlist import Entry
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.baseurl import BaseUrl
from ostiary_operator.api.budget import Budget
from ostiary_operator.api.conditions import ConditionType
from ostiary_operator.api.model import Backend, Model
from ostiary_operator.api.provider import Provider

KeyState = Literal["current", "retiring", "disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an object is left out, or (not `fatal`) what its author should know. Never quotes a secret.

    `partial`: not fatal, but the condition is False all the same, because a part of the object is left out.
    """

    condition: ConditionType
    reason: str
    message: str
    field: str = "spec"
    fatal: bool = True
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderNode:
    """`credentials` are what Ostiary shows the provider, none where the caller's own goes upstream."""

    resource: Provider
    problems: tuple[Problem, ...] = ()
    url: BaseUrl | None = None
    credentials: tuple[str, ...] = field(default=(), repr=False)

    @property
    def usable(self) -> bool:
        return not any(problem.fatal for problem in self.problems)

    @property
    def managed(self) -> bool:
        """Whether /v1 serves it: there is a credential to show, or the caller's own is meant to go on."""
        return bool(self.credentials) or bool(self.resource.spec and self.resource.spec.passthrough_auth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A backend of a Model, found. `model` is empty where the name goes on as the client wrote it.

    `spec` is None for one that only `retryPolicy.fallbackModels` names.
    """

    prefix: str
    model: str
    spec: Backend | None = None

    @property
    def id(self) -> str:
        return f"{self.prefix}/{self.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePlaces:
    """A route by its place among those of the spec, with places in the node's backends."""

    number: int
    backends: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNode:
    """`backends` are those that can be used, the fallbacks that are none of the Model's last; `fallbacks` are places in them.

    `scorer` is the prefix of the Provider that a Scorer asks, empty without one; `filter_scorers` those of the filters.
    """

    resource: Model
    problems: tuple[Problem, ...] = ()
    aliases: tuple[str, ...] = ()
    backends: tuple[Place, ...] = ()
    fallbacks: tuple[int, ...] = ()
    routes: tuple[RoutePlaces, ...] = ()
    scorer: str = ""
    filter_scorers: tuple[str, ...] = ()

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
    """`values` are the current one first, then the one that retires; `budgets` are ids of the Budgets that cover it."""

    resource: ApiKey
    problems: tuple[Problem, ...] = ()
    values: tuple[KeyValue, ...] = ()
    rotation: "Rotation | None" = None
    budgets: tuple[str, ...] = ()

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
class BudgetNode:
    """`keys` are the ApiKeys that it covers."""

    resource: Budget
    problems: tuple[Problem, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def usable(self) -> bool:
        return not any(problem.fatal for problem in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """`rows` go to the allow-list as they are, but for keys that an ApiKey has."""

    providers: tuple[ProviderNode, ...] = ()
    models: tuple[ModelNode, ...] = ()
    keys: tuple[KeyNode, ...] = ()
    rows: tuple[Entry, ...] = ()
    budgets: tuple[BudgetNode, ...] = ()
