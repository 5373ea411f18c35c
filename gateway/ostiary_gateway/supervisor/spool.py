"""Rotation of the spool: nginx writes, we rename, the sidecar reads to the end and deletes."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rotation:
    """When the spool was last looked at, and when it is due: at a size, and with each UTC day."""

    limit: int  # bytes
    day: str  # of the lines in the spool

    @classmethod
    def of(cls, spool: Path, limit: int, now_ns: int) -> "Rotation":
        try:
            written_ns = spool.stat().st_mtime_ns
        except FileNotFoundError:
            written_ns = now_ns
        return cls(limit=limit, day=_day(written_ns))

    def due(self, size: int, now_ns: int) -> bool:
        return size > 0 and (size >= self.limit or _day(now_ns) != self.day)

    def turned(self, now_ns: int) -> "Rotation":
        return replace(self, day=_day(now_ns))


def size(spool: Path) -> int:
    """Bytes in the spool; 0 if there is none."""
    try:
        return spool.stat().st_size
    except FileNotFoundError:
        return 0


def rename(spool: Path, now_ns: int) -> Path:
    """Put the spool aside under a name that sorts by time; nginx writes into it until it reopens its logs."""
    aside = spool.with_name(f"{spool.stem}-{now_ns}{spool.suffix}")
    spool.rename(aside)
    return aside


def _day(unix_ns: int) -> str:
    return datetime.fromtimestamp(unix_ns / 1e9, UTC).date().isoformat()
