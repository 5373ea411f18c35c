"""The CustomResourceDefinitions, made from the values' types: what Python checks is what the API server gets told.

Structural schemas of the OpenAPI kind that Kubernetes understands; a field's description, pattern, limits, CEL rules
and default all stand at its type.
"""

from typing import Any

import msgspec
from msgspec import inspect

from ostiary_operator.api import names
from ostiary_operator.api.apikey import ApiKeySpec, ApiKeyStatus
from ostiary_operator.api.budget import BudgetSpec, BudgetStatus
from ostiary_operator.api.fields import CEL, cel
from ostiary_operator.api.model import ModelSpec, ModelStatus
from ostiary_operator.api.provider import RESERVED_PREFIXES, ProviderSpec, ProviderStatus

Schema = dict[str, Any]
_DESCRIPTIONS = {
    names.PROVIDER: "A vendor account, or any address that speaks a vendor's protocol.",
    names.MODEL: "A name that clients ask for, the backends that answer it, and what happens when one does not.",
    names.API_KEY: "A caller: where its key comes from, and what it may use.",
    names.BUDGET: "Money or tokens per period for all ApiKeys that fit a selector.",
}
_KEYED_LISTS = {"conditions": "type"}
_READY = ".status.conditions[?(@.type=='Ready')]"


def definitions() -> dict[str, Schema]:
    """File name -> CustomResourceDefinition."""
    return {
        "providers.yaml": _definition(
            names.PROVIDER, "ostprov", (ProviderSpec, ProviderStatus), _PROVIDER_COLUMNS, [_PREFIX_RULE]
        ),
        "models.yaml": _definition(names.MODEL, "ostmodel", (ModelSpec, ModelStatus), _MODEL_COLUMNS, []),
        "apikeys.yaml": _definition(names.API_KEY, "ak", (ApiKeySpec, ApiKeyStatus), _API_KEY_COLUMNS, []),
        "budgets.yaml": _definition(names.BUDGET, "bud", (BudgetSpec, BudgetStatus), _BUDGET_COLUMNS, []),
    }


def schema_of(struct: type[msgspec.Struct]) -> Schema:
    """The structural schema of a value."""
    return _schema(inspect.type_info(struct))


def _column(name: str, kind: str, path: str, *, wide: bool = False) -> Schema:
    return {"name": name, "type": kind, "jsonPath": path, **({"priority": 1} if wide else {})}


_AGE = _column("Age", "date", ".metadata.creationTimestamp")
_PROVIDER_COLUMNS = [
    _column("Type", "string", ".spec.type"),
    _column("Prefix", "string", ".status.prefix"),
    _column("Credential", "string", ".spec.credential.secretRef.name"),
    _column("Ready", "string", f"{_READY}.status"),
    _column("Unhealthy", "string", ".status.unhealthy[0].backend"),
    _column("Since", "date", ".status.unhealthy[0].since"),
    _column("Reason", "string", f"{_READY}.reason", wide=True),
    _AGE,
]
_MODEL_COLUMNS = [
    _column("Model", "string", ".status.name"),
    _column("Selection", "string", ".spec.selection"),
    _column("Backends", "string", ".status.backends"),
    _column("Ready", "string", f"{_READY}.status"),
    _column("Reason", "string", f"{_READY}.reason", wide=True),
    _AGE,
]
_API_KEY_COLUMNS = [
    _column("Owner", "string", ".spec.owner"),
    _column("Ready", "string", f"{_READY}.status"),
    _column("Spent", "string", ".status.usage.spent"),
    _column("Budget", "string", ".status.usage.budget"),
    _column("Remaining", "string", ".status.usage.remaining"),
    _column("Today", "integer", ".status.usage.requestsToday"),
    _column("Last Used", "date", ".status.usage.lastUsed"),
    _column("Expires", "string", ".spec.expiresAt", wide=True),
    _column("Disabled", "boolean", ".spec.disabled", wide=True),
    _column("Reason", "string", f"{_READY}.reason", wide=True),
    _column("Key ID", "string", ".status.keyId", wide=True),
    _AGE,
]
_BUDGET_COLUMNS = [
    _column("Limit", "string", ".status.limit"),
    _column("Unit", "string", ".status.unit"),
    _column("Spent", "string", ".status.spent"),
    _column("Remaining", "string", ".status.remaining"),
    _column("Percent", "integer", ".status.percent"),
    _column("Period", "string", ".status.period"),
    _column("Keys", "integer", ".status.keys"),
    _column("Ready", "string", f"{_READY}.status"),
    _column("Action", "string", ".spec.action", wide=True),
    _column("Ends", "string", ".status.periodEnds", wide=True),
    _column("Reason", "string", f"{_READY}.reason", wide=True),
    _AGE,
]
_PREFIX_RULE = cel(
    "has(self.spec.prefix) || (self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$') && "
    "!(self.metadata.name in [" + ", ".join(f"'{prefix}'" for prefix in RESERVED_PREFIXES) + "]))",
    "the object's name cannot be a prefix: set spec.prefix",
)


def _definition(
    kind: str,
    short: str,
    types: tuple[type[msgspec.Struct], type[msgspec.Struct]],
    columns: list[Schema],
    rules: list[dict[str, str]],
) -> Schema:
    plural = f"{kind.lower()}s"
    spec, status = (schema_of(each) for each in types)
    root: Schema = {
        "type": "object",
        "description": _DESCRIPTIONS[kind],
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
    version = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": {**root, **({CEL: rules} if rules else {})}},
    }
    naming = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": [short],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {**naming, "categories": [names.CATEGORY]},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _schema(info: inspect.Type) -> Schema:
    match info:
        case inspect.Metadata(type=inner, extra_json_schema=extra):
            return {**_schema(inner), **(extra or {})}
        case inspect.UnionType(types=options):
            return _union([option for option in options if not isinstance(option, inspect.NoneType)])
        case inspect.StructType(cls=cls, fields=fields):
            return _struct(cls, fields)
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            return {"type": "array", "items": _schema(item), **_present(minItems=least, maxItems=most)}
        case inspect.DictType(value_type=value, max_length=most):
            return {"type": "object", "additionalProperties": _schema(value), **_present(maxProperties=most)}
    return _scalar(info)


def _union(options: list[inspect.Type]) -> Schema:
    """A value that may be left out, or a number that may be written as a text."""
    if len(options) == 1:
        return _schema(options[0])
    merged = {name: limit for option in options for name, limit in _schema(option).items()}
    return {"x-kubernetes-int-or-string": True, **{k: v for k, v in merged.items() if k not in ("type", "format")}}


def _scalar(info: inspect.Type) -> Schema:
    match info:
        case inspect.StrType():
            limits = _present(minLength=info.min_length, maxLength=info.max_length, pattern=info.pattern)
            return {"type": "string", **limits}
        case inspect.IntType():
            return {"type": "integer", "format": "int64", **_present(minimum=info.ge, maximum=info.le)}
        case inspect.LiteralType(values=values):
            return {"type": "string", "enum": list(values)}
        case inspect.DateTimeType():
            return {"type": "string", "format": "date-time"}
        case inspect.BoolType():
            return {"type": "boolean"}
    raise TypeError(f"{info} has no structural schema")


def _present(**limits: str | int | None) -> Schema:
    return {name: limit for name, limit in limits.items() if limit is not None}


def _struct(cls: type[msgspec.Struct], fields: tuple[inspect.Field, ...]) -> Schema:
    properties = {field.encode_name: _property(field) for field in fields}
    required = [field.encode_name for field in fields if field.required]
    schema: Schema = {"type": "object", "description": " ".join((cls.__doc__ or "").split())}
    schema |= {"properties": properties} if properties else {}
    schema |= {"required": required} if required else {}
    return schema | getattr(cls, "schema", {})


def _property(field: inspect.Field) -> Schema:
    schema = _schema(field.type)
    if field.encode_name in _KEYED_LISTS:
        schema |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [_KEYED_LISTS[field.encode_name]]}
    if isinstance(field.default, bool | int) or (isinstance(field.default, str) and field.default):
        schema["default"] = field.default
    if isinstance(field.default, tuple) and field.default:
        schema["default"] = list(field.default)
    return schema
