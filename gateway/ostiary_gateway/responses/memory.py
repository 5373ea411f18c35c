"""Responses in the memory of one process: gone with it, and the oldest gone first where they grow too many."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ostiary_gateway.responses.store import MOST_TURNS, Kept, TooLargeError

MOST_BYTES = 64 * 1024 * 1024
_Place = tuple[str, str]
"""An owner, and an id of theirs."""

_OVERHEAD = 512  # bytes of an entry beside its texts


class Memory:
    """Satisfies `Store`."""

    threads = 1

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._bytes = 0
        self._kept: dict[_Place, Kept] = {}  # the one that was used last is the last
        self._items: dict[_Place, tuple[str, ...]] = {}  # of each of these
        self._holders: dict[_Place, str] = {}  # of each of those

    def chain(self, owner: str, response: str, now: int, most: int) -> Sequence[Kept]:
        turns: list[Kept] = []
        name = response
        while name and len(turns) < MOST_TURNS:
            turn = self.get(owner, name, now)
            if turn is None:
                return ()
            if not turns and turn.size > most:
                raise TooLargeError
            turns.append(turn)
            name = turn.previous
        return () if name else turns[::-1]

    def get(self, owner: str, response: str, now: int) -> Kept | None:
        turn = self._kept.get((owner, response))
        return turn if turn and turn.expires > now else None

    def holders(self, owner: str, items: Sequence[str], now: int) -> Mapping[str, Kept]:
        turns = {item: self.get(owner, self._holders.get((owner, item), ""), now) for item in items}
        return {item: turn for item, turn in turns.items() if turn}

    def keep(self, kept: Kept, items: Sequence[str] = ()) -> None:
        name, seen = kept.previous, set()
        while name not in seen and (before := self._kept.pop((kept.owner, name), None)):
            seen.add(name)
            self._kept[kept.owner, name] = _lasting(before, kept.expires)
            name = before.previous
        self._forget((kept.owner, kept.id))
        self._kept[kept.owner, kept.id] = kept
        self._items[kept.owner, kept.id] = tuple(items)
        self._holders |= {(kept.owner, item): kept.id for item in items}
        self._bytes += _weight(kept)
        while self._bytes > self._most:
            self._forget(next(iter(self._kept)))

    def delete(self, owner: str, response: str, now: int) -> bool:
        found = self.get(owner, response, now) is not None
        self._forget((owner, response))
        return found

    def sweep(self, now: int) -> None:
        for place in [place for place, turn in self._kept.items() if turn.expires <= now]:
            self._forget(place)

    def close(self) -> None:
        for place in list(self._kept):
            self._forget(place)

    def _forget(self, place: _Place) -> None:
        turn = self._kept.pop(place, None)
        for item in self._items.pop(place, ()):
            if self._holders.get((place[0], item)) == place[1]:
                del self._holders[place[0], item]
        self._bytes -= _weight(turn) if turn else 0


def _lasting(turn: Kept, expires: int) -> Kept:
    return turn if turn.expires >= expires else replace(turn, expires=expires)


def _weight(turn: Kept) -> int:
    return len(turn.input) + len(turn.response) + _OVERHEAD
