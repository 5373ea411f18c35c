"""The state of the backends as nginx holds it (control.sock `/health`), and what it can be told of it.

Scopes and targets are named as ARCHITECTURE.md says. Times are Unix milliseconds.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Literal, TypeVar

import msgspec

State = Literal["CLOSED", "OPEN", "HALF_OPEN"]
Item = TypeVar("Item")
Block = tuple[int, str]
"""Until when, and why: retry_after, high_latency or credential."""


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """`failures` in a row; `opened_at` is 0 where it is closed."""

    state: State
    failures: int = 0
    opened_at: int = 0
    open_ms: int = 0


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Of one target since this nginx started."""

    success: int = 0
    failure: int = 0


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """Everything at one moment. `version` changes with each block and breaker; each nginx has its own `epoch`."""

    now: int
    version: str | int = ""
    epoch: str = ""
    blocks: dict[str, Block] = {}
    breakers: dict[str, Breaker] = {}
    latencies: dict[str, tuple[float, int]] = {}
    counts: dict[str, Count] = {}

    def openings(self) -> dict[str, "Opening"]:
        """Breakers that are not closed, by target."""
        return {
            target: Opening(opened_at=breaker.opened_at, open_ms=breaker.open_ms)
            for target, breaker in self.breakers.items()
            if breaker.opened_at
        }


class Opening(msgspec.Struct, frozen=True):
    """A breaker that opened."""

    opened_at: int
    open_ms: int

    @property
    def ends(self) -> int:
        """From when on it lets a request through."""
        return self.opened_at + self.open_ms


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What nginx is told: a later end of a block wins; None is a breaker that recovered elsewhere; `reset` closes at once."""

    blocks: dict[str, Block] = {}
    breakers: dict[str, Opening | None] = {}
    reset: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.blocks or self.breakers or self.reset)

    def parts(self, size: int) -> Iterator["Change"]:
        """The same in pieces of so many entries at most."""
        for some in _pieces(self.blocks.items(), size):
            yield Change(blocks=dict(some))
        for more in _pieces(self.breakers.items(), size):
            yield Change(breakers=dict(more))
        for rest in _pieces(self.reset, size):
            yield Change(reset=rest)


def _pieces(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    left = iter(items)
    while piece := tuple(islice(left, size)):
        yield piece


def rfc3339(unix_ms: int) -> str:
    """In UTC, whole seconds."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
