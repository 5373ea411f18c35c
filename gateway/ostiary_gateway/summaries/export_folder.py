"""Request logs as compressed files by day in a folder, for a volume or a bucket that is mounted there."""

import gzip
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

import msgspec

from ostiary_gateway.ledger.names import Name
from ostiary_gateway.summaries.tail import Chunk, Position
from ostiary_gateway.summaries.values import SummaryError

_LONGEST_SECONDS = 60.0  # that an entry waits for others
_POSITION = "export.json"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Position).decode


class FolderTarget:
    """Gathers for a minute at most, so that there are few files."""

    CHUNK = 8 * 1024 * 1024

    def __init__(
        self, folder: Path, ledger: Path, now: Callable[[], float] = monotonic, longest_seconds: float = _LONGEST_SECONDS
    ) -> None:
        self._logs = folder / "logs"
        self._position = ledger / _POSITION
        self._now = now
        self._longest_seconds = longest_seconds
        self._since: float | None = None

    def position(self, source: str) -> Position:  # noqa: ARG002 (one file lies beside one ledger)
        try:
            return _decode(self._position.read_bytes())
        except FileNotFoundError:
            return Position()
        except msgspec.DecodeError as error:
            raise SummaryError(f"{self._position}: {error}") from error

    def is_due(self, pending: int) -> bool:
        if not pending:
            return False
        if self._since is None:
            self._since = self._now()
        return pending >= self.CHUNK or self._now() - self._since >= self._longest_seconds

    def put(self, source: str, chunk: Chunk, entries: Sequence[tuple[str, bytes]]) -> None:
        """One file for each day. Only after all of them are on disk the position moves."""
        days: dict[str, list[bytes]] = {}
        for day, text in entries:
            days.setdefault(day, []).append(text)
        for day, lines in days.items():
            self._write(day, f"{source[:12]}-{_stem(chunk)}.jsonl.gz", lines)
        _replace(self._position, _encode(chunk.after))
        self._since = None

    def restart(self, source: str) -> None:
        """The other ledger's parts have names of their own only where they begin elsewhere: what is alike replaces itself."""

    def close(self) -> None:
        self._since = None

    def _write(self, day: str, name: str, lines: list[bytes]) -> None:
        folder = self._logs / day.replace("-", "/")
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / name, gzip.compress(b"\n".join(lines) + b"\n", mtime=0))


def _stem(chunk: Chunk) -> str:
    name = Name.parse(chunk.name)
    return f"{name.day}.{name.part}-{chunk.offset:012d}" if name else chunk.name


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
