"""A request of the Responses API and what came before it, as one request.

What a client or a provider wrote is passed on byte for byte, item by item: the beginning of a conversation is the same with
each turn, so providers find it in their caches. As in OpenAI's API the instructions of the responses before do not count.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from ostiary_gateway.responses import raw
from ostiary_gateway.responses.answer import Turn, replayed
from ostiary_gateway.responses.raw import Fields

_REFERENCE = b'"item_reference"'


class RequestError(ValueError):
    """A field of the request is not what it has to be. `param` is its name."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


class Asked(NamedTuple):
    """A request. `previous` is empty where it begins a conversation; `items` is what it adds."""

    fields: Fields
    previous: str
    items: tuple[bytes, ...]
    kept: bool

    @property
    def input(self) -> bytes:
        """The JSON array of the items."""
        return raw.array(self.items)


def read(body: bytes) -> Asked | None:
    """None where the body is no JSON object, which the provider may say.

    Raises:
        RequestError: it cannot be put together with anything.
    """
    try:
        fields = raw.fields_of(body)
    except raw.UNREADABLE:
        return None
    previous = _previous(fields)
    if previous and raw.given(fields, "conversation"):
        raise RequestError("previous_response_id", "'previous_response_id' and 'conversation' exclude each other")
    return Asked(fields, previous, _own_items(fields), kept=raw.given(fields, "store") != b"false")


def items_with(asked: Asked, before: Iterable[Turn]) -> list[bytes]:
    """All that a provider has to be told which knows nothing of the turns before, oldest first."""
    items: list[bytes] = []
    for turn in before:
        items += raw.items_of(turn.input)
        items += (item for _, item in replayed(turn))
    return [*items, *asked.items]


def merged(asked: Asked, items: Iterable[bytes]) -> bytes:
    """The request with these items instead of its own, and of nothing before."""
    fields = {name: value for name, value in asked.fields.items() if name != "previous_response_id"}
    fields["input"] = msgspec.Raw(raw.array(items))
    return msgspec.json.encode(fields)


def referred(items: Iterable[bytes]) -> list[str]:
    """Ids of items that are named instead of told."""
    return [name for item in items if (name := _reference(item))]


def resolved(items: Iterable[bytes], holders: Mapping[str, Turn]) -> list[bytes]:
    """The items themselves where they were named; what nobody holds stays a name, for the provider may know it."""
    told: list[bytes] = []
    for item in items:
        name = _reference(item)
        if name in holders:
            told += (found for own, found in replayed(holders[name]) if own == name)
        else:
            told.append(item)
    return told


def _previous(fields: Fields) -> str:
    value = raw.given(fields, "previous_response_id")
    try:
        return raw.text_of(value) if value else ""
    except msgspec.DecodeError:
        raise RequestError("previous_response_id", "'previous_response_id' is not a string") from None


def _own_items(fields: Fields) -> tuple[bytes, ...]:
    value = raw.given(fields, "input")
    if not value:
        return ()
    if value.startswith(b'"'):
        return (b'{"type":"message","role":"user","content":%b}' % value,)
    try:
        items = tuple(raw.items_of(value))
    except msgspec.DecodeError:
        raise RequestError("input", "'input' is neither a string nor an array") from None
    if not all(item.startswith(b"{") for item in items):
        raise RequestError("input", "'input' holds something that is no object")
    return items


def _reference(item: bytes) -> str:
    """The id that an item names; empty where it is told."""
    fields = raw.fields_of(item) if _REFERENCE in item else {}
    return raw.name_of(fields) if raw.kind_of(fields) == _REFERENCE else ""
