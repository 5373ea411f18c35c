"""Finished ledger files of days ago, compressed (setting `compress_days`)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ostiary_gateway.ledger.names import Name, listed
from ostiary_gateway.ledger.packed import compress
from ostiary_gateway.summaries.tail import committed


class Compression:
    def __init__(self, folder: Path, days: int, now: Callable[[], float], pause: Callable[[float], None]) -> None:
        """Compress files whose day is more than `days` ago; `now` is Unix time."""
        self._folder = folder
        self._days = days
        self._now = now
        self._pause = pause
        self._done = ""

    def step(self) -> bool:
        """Compress one file. Looks for more once a day only.

        Raises:
            OSError: it cannot be read or written; it stays as it is.
        """
        today = datetime.fromtimestamp(self._now(), UTC).date()
        if self._done == today.isoformat():
            return False
        name = self._next((today - timedelta(days=self._days)).isoformat())
        if name is None:
            self._done = today.isoformat()
            return False
        compress(self._folder, name, self._pause)
        return True

    def close(self) -> None:
        """Nothing stays open."""

    def _next(self, oldest: str) -> Name | None:
        """The first file that nobody writes any more; the one at the committed end still may be."""
        end = committed(self._folder)
        last = Name.parse(end.name) if end else None
        for name in listed(self._folder):
            if name.day < oldest and last is not None and name < last and (self._folder / str(name)).exists():
                return name
        return None
