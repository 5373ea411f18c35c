"""An answer of the Responses API: what of it is kept, what a later request may hold of it, how it is shown again."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ostiary_gateway.responses import raw
from ostiary_gateway.responses.raw import Fields

_REASONING = b'"reasoning"'
_LINKED = (b'"message"', b'"function_call"', b'"custom_tool_call"')
"""Items whose ids mean something only to who made them, and who then wants all that belongs to them, reasoning included."""
_FINAL = frozenset({"completed", "incomplete"})


class Turn(NamedTuple):
    """What was said before: what a request added (a JSON array), and its answer. `is_own`: by whom the next one goes to."""

    input: bytes
    response: bytes
    is_own: bool


class Shown(NamedTuple):
    """What is looked at of an answer: its id and those of its items."""

    id: str
    items: tuple[str, ...]


class _Response(msgspec.Struct):
    id: str
    status: str
    output: list[msgspec.Raw]


class _Event(msgspec.Struct):
    type: str = ""
    response: msgspec.Raw = msgspec.Raw(b"")


def shown(response: bytes) -> Shown | None:
    """An answer that can be gone on from; None where it is an error, not at its end, or not understood."""
    try:
        found = msgspec.json.decode(response, type=_Response)
        names = [raw.name_of(raw.fields_of(item)) for item in found.output]
    except raw.UNREADABLE:
        return None
    return Shown(found.id, tuple(filter(None, names))) if found.status in _FINAL else None


def final(event: bytes) -> bytes | None:
    """The response in the last event of a stream, by the event's data; None where it is another event."""
    try:
        found = msgspec.json.decode(event, type=_Event)
    except raw.UNREADABLE:
        return None
    is_last = found.type.removeprefix("response.") in _FINAL
    return bytes(found.response) or None if is_last else None


def replayed(turn: Turn) -> list[tuple[str, bytes]]:
    """Items of an answer as a later request may hold them, each with its id.

    Sealed reasoning goes back to who made it, together with all that it is linked to by ids. Reasoning that is not sealed
    could only be looked up by its maker, so it is left out; then the ids of what is linked to it must be, too.
    """
    items = [raw.without_nulls(item) for item in msgspec.json.decode(turn.response, type=_Response).output]
    reasoning = [_is_sealed(item) and turn.is_own for item in items if _is_reasoning(item)]
    is_linked = bool(reasoning) and all(reasoning)
    return [
        (raw.name_of(item), msgspec.json.encode(item if is_linked else _unlinked(item)))
        for item in items
        if not _is_reasoning(item) or (_is_sealed(item) and turn.is_own)
    ]


def with_ids(items: Iterable[bytes], prefix: str) -> list[dict[str, object]]:
    """Items as the API lists them: each has an id."""
    listed = []
    for number, text in enumerate(items):
        item = msgspec.json.decode(text)
        listed.append(item if isinstance(item.get("id"), str) else {"id": f"{prefix}_{number}", **item})
    return listed


def continued(response: bytes, previous: str) -> bytes:
    """The response as its maker would tell it, had it known what was before."""
    if not previous:
        return response
    return msgspec.json.encode({**raw.fields_of(response), "previous_response_id": previous})


def _is_reasoning(item: Fields) -> bool:
    return raw.kind_of(item) == _REASONING


def _is_sealed(item: Fields) -> bool:
    return "encrypted_content" in item


def _unlinked(item: Fields) -> Fields:
    is_linked = raw.kind_of(item) in _LINKED
    return {name: value for name, value in item.items() if name != "id"} if is_linked else item
