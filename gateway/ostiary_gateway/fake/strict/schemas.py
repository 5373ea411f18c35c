"""What providers ask of a JSON schema before they hold an answer to it.

OpenAI, "Structured model outputs: supported schemas"; Anthropic, "Structured outputs: JSON schema limitations".
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ostiary_gateway.fake.strict.shape import need

_NUMBER_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_TEXT_LIMITS = ("minLength", "maxLength")


def check_strict(schema: Mapping[str, Any], place: str, title: str) -> None:
    """OpenAI with `strict: true`: closed objects whose properties are all required. `title` begins its sentence."""
    need(schema.get("type") == "object", place, f"{title}: schema must be a JSON Schema of 'type: \"object\"'.")
    for path, inner in _objects(schema, ()):
        where = f"In context={path}"
        closed = inner.get("additionalProperties") is False
        need(closed, place, f"{title}: {where}, 'additionalProperties' is required to be supplied and to be false.")
        properties = set(inner.get("properties") or ())
        absent = properties - set(inner.get("required") or ())
        text = "'required' is required to be supplied and to be an array including every key in properties."
        need(not absent, place, f"{title}: {where}, {text} Missing '{min(absent, default='')}'.")


def check_closed(schema: Mapping[str, Any], place: str) -> None:
    """Anthropic: closed objects, and no limits of numbers and lengths."""
    for _path, inner in _objects(schema, ()):
        closed = inner.get("additionalProperties") is False
        need(closed, place, f"{place}: For 'object' type, 'additionalProperties' must be explicitly set to false")
    for _path, inner in _schemas(schema, ()):
        kind = inner.get("type")
        limits = _NUMBER_LIMITS if kind in ("number", "integer") else _TEXT_LIMITS if kind == "string" else ()
        used = ", ".join(name for name in limits if name in inner)
        need(not used, place, f"{place}: For '{kind}' type, properties {used} are not supported")


def _objects(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    return (found for found in _schemas(schema, path) if found[1].get("type") == "object")


def _schemas(schema: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The schema and all within it, each with where it stands."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for group in ("properties", "$defs", "definitions"):
        for name, inner in (schema.get(group) or {}).items():
            yield from _schemas(inner, (*path, group, name))
    for group in ("anyOf", "allOf", "oneOf"):
        for number, inner in enumerate(schema.get(group) or []):
            yield from _schemas(inner, (*path, group, str(number)))
    for name in ("items", "additionalProperties"):
        yield from _schemas(schema.get(name), (*path, name))
