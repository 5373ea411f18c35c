"""Rules between the fields of a custom resource, as its schema states them in CEL, and what an object says against them."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from ostiary_gateway.admin import cel
from ostiary_gateway.admin.structural import Schema

RULES = "x-kubernetes-validations"

_parse = cache(cel.parse)


def broken(schema: Schema, value: Any, at: str = "") -> Iterator[str]:
    """Each rule that does not hold, as `<path>: <message>`. The value is one that fits the schema otherwise."""
    yield from _broken(schema, with_defaults(schema, value), at)


def with_defaults(schema: Schema, value: Any) -> Any:
    """The value as the API server keeps it."""
    if isinstance(value, list):
        return [with_defaults(schema.get("items", {}), each) for each in value]
    if not isinstance(value, dict):
        return value
    properties: Schema = schema.get("properties", {})
    full = {name: each["default"] for name, each in properties.items() if "default" in each} | value
    return {name: with_defaults(properties.get(name, {}), each) for name, each in full.items()}


def _broken(schema: Schema, value: Any, at: str) -> Iterator[str]:
    for rule in schema.get(RULES, ()):
        if not cel.holds(_parse(rule["rule"]), value):
            yield f"{at}{rule.get('fieldPath', '')}: {rule['message']}".removeprefix(": ")
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _broken(schema.get("properties", {}).get(name, {}), each, f"{at}.{name}" if at else name)
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from _broken(schema.get("items", {}), each, f"{at}[{place}]")
