"""The usage of a reply whose client may leave before its end."""

import re
from typing import Protocol

import msgspec

from ostiary_gateway.usage import REPLY_LIMIT, extract
from ostiary_gateway.usage.sse import Splitter

_MODEL = re.compile(rb'"model(?:Version)?"\s*:')
_USAGE = re.compile(rb'"usage(?:Metadata)?"\s*:\s*\{')  # quotation marks within a text are escaped


class Witness(Protocol):
    """Sees all pieces of a reply in order."""

    def see(self, piece: bytes) -> None: ...

    def kept(self) -> bytes:
        """As much of the reply as tells its usage."""
        ...


class Told(msgspec.Struct, frozen=True):
    """What nginx puts into its spool line as `u` (ARCHITECTURE.md); `last`: the whole reply arrived."""

    last: bool
    stream: bool
    model: str | None
    usage: tuple[object, ...]


class Stream:
    """Of server-sent events the first that names a model, the begin of an Anthropic message and the last that tells a usage."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._told: dict[str, bytes] = {}
        self._open = 0  # bytes since an event was complete

    def see(self, piece: bytes) -> None:
        if self._open > REPLY_LIMIT:
            self._splitter = Splitter()
            return
        events = self._splitter.feed(piece)
        self._open = 0 if events else self._open + len(piece)
        for event in events:
            self._note(event)

    def kept(self) -> bytes:
        for event in self._splitter.finish():
            self._note(event)
        return b"".join(b"data: %b\n\n" % event.replace(b"\n", b"\ndata: ") for event in self._told.values())

    def _note(self, event: bytes) -> None:
        if "model" not in self._told and _MODEL.search(event):
            self._told["model"] = event
        if _USAGE.search(event) and extract(event).raws:
            self._told["start" if b'"message_start"' in event else "last"] = event


class Whole:
    """Every other reply, as long as it is not larger than what is looked into (LM-15)."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def see(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > REPLY_LIMIT:
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def kept(self) -> bytes:
        return b"".join(self._pieces)


def witness(content_type: str) -> Witness:
    return Stream() if is_event_stream(content_type) else Whole()


def is_event_stream(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


def tell(seen: Witness, content_type: str, *, last: bool) -> Told:
    """The usage in what was seen."""
    reply = extract(seen.kept(), content_type)
    return Told(last=last, stream=reply.stream or is_event_stream(content_type), model=reply.model, usage=reply.raws)
