"""Everything that was read, at one moment, from the API server or from a folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ostiary_gateway.contract.allowlist import Entry
from ostiary_operator.api.apikey import ApiKey
from ostiary_operator.api.budget import Budget
from ostiary_operator.api.model import Model
from ostiary_operator.api.provider import Provider
from ostiary_operator.api.secret import Secret

Ref = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """`rows` are those of a plain `allowlist.csv`, which only a folder has."""

    providers: tuple[Provider, ...] = ()
    models: tuple[Model, ...] = ()
    api_keys: tuple[ApiKey, ...] = ()
    secrets: Mapping[Ref, Secret] = field(default_factory=dict)
    rows: tuple[Entry, ...] = ()
    budgets: tuple[Budget, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the installation allows. `allow_local`: providers may be on the machine itself, as on a laptop.

    `home` is the only namespace whose Budgets may cover the whole cluster; empty is any.
    """

    allow_local: bool = False
    home: str = ""
