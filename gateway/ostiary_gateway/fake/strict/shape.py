"""Whether a value has the form that an API documents, and where it has not.

Forms are msgspec Structs that forbid unknown fields. Objects that say by a field what they are (`type`, `role`) are told
apart by `by_tag`, because vendors leave that field out in places where msgspec's own unions need it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec

T = TypeVar("T")
Kind = Literal["unknown", "missing", "type", "value", "rule"]
_SAID = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
_FIELD = re.compile(r"Object (?:contains unknown|missing required) field `(.+)`")


class Form(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The base of all forms: a field that is not declared is a problem."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request is refused.

    `place` is where, like `messages[0].content[1]`; for `unknown` and `missing` it includes the field. `text` is a
    sentence in the words of the vendor if `kind` is `rule` or `value`, else it says what was expected.
    """

    kind: Kind
    place: str
    text: str


class Refused(Exception):  # noqa: N818  # not an error of ours: the answer to a request
    """Carries the Problem from where it is found to `check`."""

    def __init__(self, kind: Kind, place: str, text: str) -> None:
        super().__init__(text)
        self.problem = Problem(kind, place, text)


def fit(value: object, form: type[T], place: str = "") -> T:
    """The value as this form.

    Raises:
        Refused: it is not of this form.
    """
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError as error:
        if "got `float`" not in str(error):
            raise _refused(str(error), place) from None
    try:
        return msgspec.convert(_with_integers(value), form)
    except msgspec.ValidationError as error:
        raise _refused(str(error), place) from None


def by_tag(value: object, forms: Mapping[str, type[Any] | None], place: str, tag: str = "type") -> Any:
    """The value as the form that its tag names; None where the form is not looked into (a vendor's own tools).

    Raises:
        Refused: no tag, none that is known, or not of that form.
    """
    if not isinstance(value, dict):
        raise Refused("type", place, f"Expected `object`, got `{_name(value)}`")
    if tag not in value:
        raise Refused("missing", join(place, tag), "field required")
    name = value[tag]
    if not isinstance(name, str) or name not in forms:
        raise Refused("value", join(place, tag), f"Invalid value: '{name}'. Supported values are: {_quoted(forms)}.")
    form = forms[name]
    return None if form is None else fit(value, form, place)


def need(holds: object, place: str, text: str) -> None:
    """Raise Refused with this sentence unless `holds`."""
    if not holds:
        raise Refused("rule", place, text)


def join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def dotted(place: str) -> str:
    """`messages[0].content` the way pydantic writes it: `messages.0.content`."""
    return re.sub(r"\[(\w+|\.\.\.)\]", r".\1", place)


def _with_integers(value: Any) -> Any:
    """1.0 is as good as 1."""
    if isinstance(value, dict):
        return {name: _with_integers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_integers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _refused(said: str, place: str) -> Refused:
    found = _SAID.fullmatch(said)
    what, inner = (found["what"], found["place"] or "") if found else (said, "")
    whole = (place + inner).lstrip(".")
    if field := _FIELD.fullmatch(what):
        kind: Kind = "unknown" if "unknown" in what else "missing"
        return Refused(kind, join(whole, field[1]), what)
    return Refused("value" if "enum" in what else "type", whole, what)


def _name(value: object) -> str:
    return {str: "str", list: "array", int: "int", float: "float", bool: "bool"}.get(type(value), "null")


def _quoted(names: Mapping[str, object]) -> str:
    return ", ".join(f"'{name}'" for name in names)
