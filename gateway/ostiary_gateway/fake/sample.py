"""A value that fits a JSON schema: the smallest that has every property, so that nothing a client asked for is left out.

Takes JSON Schema as OpenAI, Anthropic and AWS have it, and Google's OpenAPI form with its types in capital letters.
"""

from collections.abc import Mapping
from typing import Any

_WORD = "Z\u00fcrich"  # two bytes in one of its letters, so that cuts within a character are met
_FORMATS = {
    "date-time": "2025-01-02T03:04:05Z", "date": "2025-01-02", "time": "03:04:05Z", "email": "someone@example.com",
    "uri": "https://example.com/", "uuid": "00000000-0000-4000-8000-000000000000", "ipv4": "192.0.2.1", "duration": "PT1M",
    "hostname": "example.com", "ipv6": "2001:db8::1",
}  # fmt: skip
_DEEPEST = 12


def make_sample(schema: Mapping[str, Any]) -> Any:
    return _sample(schema, schema, 0)


def _sample(schema: Any, root: Mapping[str, Any], depth: int) -> Any:  # noqa: PLR0911  # one for each way to say it
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    if "$ref" in schema:
        return _sample(_resolve(str(schema["$ref"]), root), root, depth + 1)
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    for several in ("enum", "examples"):
        if schema.get(several):
            return schema[several][0]
    for group in ("anyOf", "oneOf"):
        if schema.get(group):
            return _sample(_first_that_says(schema[group]), root, depth + 1)
    if schema.get("allOf"):
        merged = [_sample(inner, root, depth + 1) for inner in schema["allOf"]]
        return {name: value for part in merged if isinstance(part, dict) for name, value in part.items()} or merged[0]
    return _of_kind(_kind(schema), schema, root, depth)


def _of_kind(kind: str, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:  # noqa: PLR0911  # one for each type
    match kind:
        case "object":
            properties = schema.get("properties")
            if not isinstance(properties, Mapping):
                return {}
            return {name: _sample(inner, root, depth + 1) for name, inner in properties.items() if _wanted(name, schema, depth)}
        case "array":
            count = max(1, int(schema.get("minItems") or 1))
            items = schema.get("prefixItems") or [schema.get("items") or {"type": "string"}] * count
            return [_sample(inner, root, depth + 1) for inner in items]
        case "integer":
            return _within(schema, 7)
        case "number":
            return _within(schema, 1.5)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return _text(schema)


def _wanted(name: str, schema: Mapping[str, Any], depth: int) -> bool:
    """A schema that refers to itself ends where a property may be left out."""
    return depth < _DEEPEST // 2 or name in (schema.get("required") or ())


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind is None:
        return "object" if "properties" in schema else "string"
    return str(kind).lower()


def _within(schema: Mapping[str, Any], value: float) -> float:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    if least is not None and value <= least:
        value = least + (1 if "exclusiveMinimum" in schema else 0)
    if most is not None and value >= most:
        value = most - (1 if "exclusiveMaximum" in schema else 0)
    step = schema.get("multipleOf")
    return value if not step else step * -(-value // step)


def _text(schema: Mapping[str, Any]) -> str:
    text = _FORMATS.get(str(schema.get("format")), _WORD)
    least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
    text += "x" * (least - len(text))
    return text if most is None else text[: int(most)]


def _first_that_says(schemas: list[Any]) -> Any:
    return next((inner for inner in schemas if isinstance(inner, Mapping) and inner.get("type") != "null"), schemas[0])


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        if name:
            found = found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return found
