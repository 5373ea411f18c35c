"""A request for every field that an SDK's types let a client write.

A probe is a pair of requests that differ in one field, or in one of the values that are listed for it. Whoever reads requests
of that API has to show a difference between the two, or to refuse the first one, or to say that something was dropped: then
nothing is silent. Paths say where the field is: `messages<user>.content[image_url].image_url.detail`.
"""

import re
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

_TEXTS = {
    "url": "https://example.org/x", "file_data": "data:application/pdf;base64,eA==", "data": "eA==", "arguments": '{"a":1}',
    "media_type": "image/png",
}  # fmt: skip
_OTHER_TEXTS = {
    "url": "https://example.org/y", "file_data": "data:application/pdf;base64,eQ==", "data": "eQ==", "arguments": '{"a":2}',
}  # fmt: skip
_NUMBERS = {"max_tokens": (100, 200), "budget_tokens": (2000, 20000)}
_DEEPEST = 9


class Probe(NamedTuple):
    """`path` is empty for the value itself; `value` has what `without` has not."""

    path: str
    value: Any
    without: Any


class Prober:
    """`opaque` are the names of types that are not looked into: they are taken or refused as a whole."""

    def __init__(self, opaque: str) -> None:
        self._opaque = re.compile(opaque)

    def request(self, form: Any, base: dict[str, Any]) -> Iterator[Probe]:
        """All probes of a request; `base` holds what every one of them has beside what is required."""
        return self._members(form, base, 0)

    def _probes(self, kind: Any, name: str, depth: int) -> Iterator[Probe]:
        kind = _bare(kind)
        if depth > _DEEPEST:
            return
        if is_typeddict(kind):
            if not self._opaque.search(kind.__name__):
                yield from self._members(kind, {}, depth)
        elif get_origin(kind) is Literal:
            first, *others = get_args(kind)
            yield from (Probe(f"={value}", value, first) for value in others)
        elif get_origin(kind) in (Union, types.UnionType):
            yield from self._variants(kind, name, depth)
        elif (item := _item(kind)) is not None:
            for path, value, without in self._probes(item, name, depth + 1):
                yield Probe(f"[]{path}", [value], [without])

    def _variants(self, kind: Any, name: str, depth: int) -> Iterator[Probe]:
        variants = [_bare(one) for one in get_args(kind) if one is not type(None)]
        first = sample(variants[0], name)
        for number, variant in enumerate(variants):
            label = f"<{_label(variant)}>"
            if number:
                yield Probe(label, sample(variant, name), first)
            for path, value, without in self._probes(variant, name, depth + 1):
                yield Probe(label + path, value, without)

    def _members(self, form: Any, base: dict[str, Any], depth: int) -> Iterator[Probe]:
        hints = get_type_hints(form, include_extras=True)
        least = {**{name: sample(kind, name) for name, kind in hints.items() if _is_required(kind)}, **base}
        for name, kind in hints.items():
            if name not in least:
                yield Probe(f".{name}", {**least, name: sample(kind, name)}, least)
            elif get_origin(_bare(kind)) is not Literal:
                yield Probe(f".{name}", {**least, name: sample(kind, name, other=True)}, least)
            for path, value, without in self._probes(kind, name, depth + 1):
                yield Probe(f".{name}{path}", {**least, name: value}, {**least, name: without})


def sample(kind: Any, name: str, *, other: bool = False) -> Any:  # noqa: PLR0911  # a table of types
    """The least value of a type; `other` is another one."""
    kind = _bare(kind)
    origin = get_origin(kind)
    if origin is Literal:
        return get_args(kind)[-1 if other else 0]
    if origin in (Union, types.UnionType):
        return sample(next(one for one in get_args(kind) if one is not type(None)), name, other=other)
    if is_typeddict(kind):
        hints = get_type_hints(kind, include_extras=True)
        if other and name == "input_schema":
            return {"type": "object", "title": "y"}
        return {key: sample(inner, key, other=other) for key, inner in hints.items() if _is_required(inner)}
    if origin is dict:
        inner = get_args(kind)[1]
        return {"x": sample(inner, name)} if inner is not object else {"type": "object", **({"title": "y"} if other else {})}
    if (item := _item(kind)) is not None:
        return [sample(item, name, other=other)]
    if kind is bool:
        return not other
    if kind in (int, float):
        return _NUMBERS.get(name, (1, 2))[other]
    return (_OTHER_TEXTS if other else _TEXTS).get(name, "y" if other else "x")


def _bare(kind: Any) -> Any:
    while get_origin(kind) in (Required, NotRequired) or hasattr(kind, "__metadata__"):
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        kinds = [one for one in get_args(kind) if one is not type(None)]
        return _bare(kinds[0]) if len(kinds) == 1 else kind
    return kind


def _item(kind: Any) -> Any:
    """What a list holds; None if it is none."""
    origin = get_origin(kind)
    lists = origin in (list, Iterable, Sequence) or getattr(origin, "__name__", "") == "SequenceNotStr"
    return get_args(kind)[0] if lists else None


def _is_required(kind: Any) -> bool:
    return get_origin(kind) is Required


def _label(variant: Any) -> str:
    if not is_typeddict(variant):
        return getattr(variant, "__name__", str(variant)) if get_origin(variant) is None else str(get_origin(variant).__name__)
    hints = get_type_hints(variant, include_extras=True)
    for name in ("role", "type"):
        if name in hints and get_origin(_bare(hints[name])) is Literal:
            return str(get_args(_bare(hints[name]))[0])
    return str(variant.__name__)
