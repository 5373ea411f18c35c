"""Which order a session was given, so that its next request goes to the same model (PL-28), for Models with routes.

Without routes a hash of the session's id over the targets is enough and nothing is kept.
"""

from collections import OrderedDict

import msgspec

SECONDS = 600.0
MOST = 10_000


class _Entry(msgspec.Struct, frozen=True):
    value: tuple[tuple[str, ...], str | None]
    until: float


Name = tuple[str, str, str]
"""Hash of the caller's key, name of the Model, the session's id."""


class Sessions:
    """The newest `MOST` sessions of this replica. `now` is seconds on any clock that only grows."""

    def __init__(self, seconds: float = SECONDS, most: int = MOST) -> None:
        self._seconds = seconds
        self._most = most
        self._entries: OrderedDict[Name, _Entry] = OrderedDict()

    def recall(self, name: Name, now: float) -> tuple[tuple[str, ...], str | None] | None:
        """The ids of the targets in their order, and the route; None for a session that is new or too old."""
        entry = self._entries.get(name)
        return entry.value if entry and now < entry.until else None

    def keep(self, name: Name, order: tuple[str, ...], route: str | None, now: float) -> None:
        """Also lengthens the life of a session that is known."""
        self._entries[name] = _Entry((order, route), now + self._seconds)
        self._entries.move_to_end(name)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def __len__(self) -> int:
        return len(self._entries)
