"""The structural schemas of custom resources as JSON Schema, and what is wrong with a value by one.

A structural schema is what the API server prunes and checks by; here unknown fields are mistakes, as under strict validation.
Rules between fields (CEL) are no JSON Schema: see `rules`.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

Schema = dict[str, Any]
_INT_OR_STRING = "x-kubernetes-int-or-string"
_INT64 = 2**63
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TIMED = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_ITEMS = ("items", "additionalProperties")

formats = FormatChecker(formats=())
_TYPES = Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)
_extend: Any = validators.extend
_Validator = _extend(Draft202012Validator, type_checker=_TYPES)  # 1.0 is no integer for the API server, nor for the compiler


@formats.checks("date-time")
def _is_moment(value: object) -> bool:
    """RFC 3339; what is no text at all is wrong by its type."""
    if not isinstance(value, str):
        return True
    try:
        return bool(_TIMED.fullmatch(value) and datetime.fromisoformat(value.upper()))
    except ValueError:
        return False


def to_json_schema(schema: Schema, *, closed: bool = True) -> Schema:
    """The same in JSON Schema 2020-12. `closed`: an object has what it must have, and nothing that is not named."""
    made = {name: value for name, value in schema.items() if not name.startswith("x-kubernetes-")}
    if schema.get(_INT_OR_STRING):
        made["type"] = ["integer", "string"]
    if made.get("format") == "int64":
        made = {"minimum": -_INT64, "maximum": _INT64 - 1} | made
    if "properties" in schema:
        made["properties"] = {name: to_json_schema(each, closed=closed) for name, each in schema["properties"].items()}
    for name in _ITEMS:
        if isinstance(schema.get(name), dict):
            made[name] = to_json_schema(schema[name], closed=closed)
    if closed and schema.get("type") == "object":
        made.setdefault("additionalProperties", False)
    if not closed:
        made.pop("required", None)
    return made


def validator(schema: Schema) -> Validator:
    made: Validator = _Validator(schema, format_checker=formats)
    return made


def problems(checked: Validator, value: Any, at: str = "") -> list[str]:
    """What is wrong, each `<path>: <why>`, without any value in it; nothing is fine."""
    found = [_told(error, at) for error in checked.iter_errors(value)]
    return found or [f"{path}: must not contain control characters" for path in _unprintable(value, at)]


def _told(error: ValidationError, at: str) -> str:
    return f"{_path(error.absolute_path, at) or 'body'}: {_why(error)}"


def _why(error: ValidationError) -> str:  # noqa: PLR0911 - one line for each kind of mistake
    limit: Any = error.validator_value
    given: Any = error.instance
    match error.validator:
        case "required":
            return f"{', '.join(name for name in limit if name not in given)} is missing"
        case "additionalProperties":
            known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
            return f"unknown field {', '.join(_UNPRINTABLE.sub('?', name)[:64] for name in sorted(given) if name not in known)}"
        case "type":
            return f"must be {limit if isinstance(limit, str) else ' or '.join(limit)}"
        case "enum":
            return f"must be one of {', '.join(str(each) for each in limit)}"
        case "pattern" | "format":
            return f"must look like {limit}"
        case "minLength" | "maxLength" | "minimum" | "maximum" | "minItems" | "maxItems":
            return f"must keep to {error.validator} {limit}"
    return f"must keep to {error.validator}"


def _unprintable(value: object, at: str) -> Iterator[str]:
    if isinstance(value, str):
        if _UNPRINTABLE.search(value):
            yield at or "body"
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _unprintable(str(name), at)
            yield from _unprintable(each, f"{at}.{name}" if at else str(name))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _unprintable(each, f"{at}[{place}]")


def _path(steps: Any, at: str) -> str:
    for step in steps:
        at = f"{at}[{step}]" if isinstance(step, int) else f"{at}.{step}" if at else str(step)
    return _UNPRINTABLE.sub("?", at)
