"""The custom resources that the admin API serves: their names and schemas, from `schemas.json` (hack/update/resource-schemas)."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from ostiary_gateway.admin.rules import RULES
from ostiary_gateway.admin.structural import Schema, to_json_schema

API_VERSION = "ostiary.dev/v1alpha1"
_SCHEMAS = "schemas.json"
OBJECT_NAME = "^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$"
NAMESPACE = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"


@dataclass(frozen=True, slots=True)
class Kind:
    """`path` is its place under /admin, `plural` its place in the Kubernetes API."""

    name: str
    plural: str
    path: str
    one: str  # in a sentence

    @property
    def spec(self) -> Schema:
        """As JSON Schema."""
        return _schemas()[self.plural].spec

    @property
    def status(self) -> Schema:
        """As JSON Schema; an object of nobody's keeping may lack any of it."""
        return _schemas()[self.plural].status

    @property
    def structural(self) -> Schema:
        """Of a whole object, as in its definition, with the rules between fields."""
        return _schemas()[self.plural].structural


class _Schemas(NamedTuple):
    spec: Schema
    status: Schema
    structural: Schema


KEY = Kind("ApiKey", "apikeys", "keys", "key")
PROVIDER = Kind("Provider", "providers", "providers", "provider")
MODEL = Kind("Model", "models", "models", "model")
BUDGET = Kind("Budget", "budgets", "budgets", "budget")
KINDS = (KEY, PROVIDER, MODEL, BUDGET)


@cache
def _schemas() -> dict[str, _Schemas]:
    text = (resources.files(__package__) / _SCHEMAS).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return {plural: _of(each) for plural, each in found.items()}


def _of(told: dict[str, Any]) -> _Schemas:
    whole = {"properties": {"spec": told["spec"]}, RULES: told["rules"]}
    return _Schemas(to_json_schema(told["spec"]), to_json_schema(told["status"], closed=False), whole)
