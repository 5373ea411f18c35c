"""Request logs for other systems (TP-20): one JSON object per request, without any content.

In a folder, as `logs/YYYY/MM/DD/<ledger>-<file>-<offset>.jsonl.gz` by the day on which a request ended; the name says which
part of the ledger is in it, so that what is written again after a crash replaces itself. Or pushed to the list
`gateway:logs` in Valkey, whose oldest entries go beyond 100,000; how far it got is written there in the same transaction.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import monotonic
from typing import Protocol

import msgspec

from ostiary_gateway.contract.record import Attempt, Usage
from ostiary_gateway.contract.settings import Settings, SettingsError
from ostiary_gateway.ledger.names import listed
from ostiary_gateway.store import Place
from ostiary_gateway.summaries.export_folder import FolderTarget
from ostiary_gateway.summaries.export_valkey import ValkeyTarget
from ostiary_gateway.summaries.fold import DAY
from ostiary_gateway.summaries.source import identify
from ostiary_gateway.summaries.tail import Chunk, Position, Tail, committed

VALKEY = "valkey"


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a log entry needs of a ledger line."""

    timestamp: str
    id: str
    kind: str = "request"
    request_id: str = ""
    key_id: str = ""
    key_name: str = ""
    provider: str = ""
    model: str | None = None
    requested_model: str | None = None
    endpoint: str = ""
    status: int = 0
    usage: Usage = msgspec.field(default_factory=Usage)
    attempts: tuple[Attempt, ...] = ()
    duration_ms: float = 0.0
    cost: str | None = None
    error_type: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """`id` is unique for ever: what to tell duplicates by. `alias` is the model as the client named it.

    `provider_ms` is the time of all attempts. `payloads` is always null: content is neither kept nor exported.
    """

    timestamp: str
    id: str
    request_id: str
    api_key_id: str
    api_key_name: str
    provider: str
    model: str | None
    alias: str | None
    endpoint: str
    status: int
    input_tokens: int | None
    output_tokens: int | None
    provider_ms: float
    gateway_ms: float
    cost_usd: str | None
    error: str | None
    payloads: None = None


class Target(Protocol):
    """Where entries go."""

    def position(self, source: str) -> Position:
        """How far this ledger is exported."""
        ...

    def is_due(self, pending: int) -> bool:
        """Whether so many bytes of the ledger, at least, are enough to begin with."""
        ...

    def put(self, source: str, chunk: Chunk, entries: Sequence[tuple[str, bytes]]) -> None:
        """Take what came of one piece of the ledger, whole or not at all: day and JSON of each entry."""
        ...

    def restart(self, source: str) -> None:
        """This is another ledger than the one that was exported so far."""
        ...

    def close(self) -> None: ...


class Export:
    """Used by one thread."""

    def __init__(self, folder: Path, target: Target, pause: Callable[[float], None], chunk: int) -> None:
        self._folder = folder
        self._target = target
        self._pause = pause
        self._tail = Tail(folder, chunk)
        self._position: Position | None = None

    def step(self) -> bool:
        """Export what comes next.

        Raises:
            OSError: the ledger cannot be read.
            SummaryError: the target does not take it.
        """
        if not listed(self._folder):
            return False
        source = identify(self._folder)
        try:
            return self._step(source)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._position = None
        self._tail.close()
        self._target.close()

    def _step(self, source: str) -> bool:
        end = committed(self._folder)
        if self._position is None:
            self._position = self._target.position(source)
        if not self._tail.holds(self._position, end):
            self._target.restart(source)
            self._position = Position()
        if not self._target.is_due(_pending(self._position, end)):
            return False
        chunk = self._tail.next(self._position, end)
        if chunk is None:
            return False
        began = monotonic()
        self._target.put(source, chunk, [(entry.timestamp[:DAY], _encode(entry)) for entry in entries(chunk.data)])
        self._position = chunk.after
        self._pause(monotonic() - began)
        return True


def _pending(position: Position, end: Place | None) -> int:
    """Bytes behind a position; of further files one stands for all."""
    if end is None or end.name != position.name:
        return sys.maxsize
    return end.length - position.offset


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


def entries(data: bytes) -> Iterable[Entry]:
    """Entries of whole ledger lines; what is no record of a request has none."""
    for text in data.splitlines():
        try:
            line = _decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if line.kind == "request":
            yield _entry(line)


def exporter(settings: Settings, folder: Path, pause: Callable[[float], None]) -> Export:
    """What the setting `log_export` asks for.

    Raises:
        SettingsError: it says `valkey`, and there is no valkey_url, or it is none.
    """
    if settings.log_export != VALKEY:
        return Export(folder, FolderTarget(Path(settings.log_export), folder), pause, FolderTarget.CHUNK)
    if not settings.valkey_url:
        raise SettingsError("log_export: valkey needs valkey_url")
    return Export(folder, ValkeyTarget(settings.valkey_url, settings.ca_file), pause, ValkeyTarget.CHUNK)


def _entry(line: Line) -> Entry:
    provider_ms = sum(attempt.duration_ms or 0.0 for attempt in line.attempts)
    return Entry(
        timestamp=line.timestamp,
        id=line.id,
        request_id=line.request_id,
        api_key_id=line.key_id,
        api_key_name=line.key_name,
        provider=line.provider,
        model=line.model or line.requested_model,
        alias=line.requested_model,
        endpoint=line.endpoint,
        status=line.status,
        input_tokens=line.usage.input_tokens,
        output_tokens=line.usage.output_tokens,
        provider_ms=round(provider_ms, 3),
        gateway_ms=round(max(0.0, line.duration_ms - provider_ms), 3),
        cost_usd=line.cost,
        error=line.error_type,
    )
