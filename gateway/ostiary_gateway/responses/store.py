"""What is kept of a response, and the interface of the places where it is."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

MOST_TURNS = 10_000
_ID = re.compile(r"[\x21-\x7e]{1,256}")


class StoreError(Exception):
    """The store cannot be read or written now. The message names no password and nothing that was kept."""


class TooLargeError(Exception):
    """A conversation holds more than may be sent."""


class ResponseStoreError(ValueError):
    """The setting names no place for responses."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One turn. `input` is the JSON array of what it added, `response` the answer as it was shown.

    `previous` is the id of the turn before, empty for the first; `size` counts the bytes of all turns up to this one. Nobody
    but the `owner` finds it, until `expires` (Unix seconds). `maker` is the host of the provider, empty for the translator.
    """

    owner: str
    id: str
    previous: str
    expires: int
    size: int
    maker: str
    input: bytes
    response: bytes


class Store(Protocol):
    """Methods may wait for a disk or a network; they are called from so many threads at once. All raise StoreError."""

    threads: int

    def chain(self, owner: str, response: str, now: int, most: int) -> Sequence[Kept]:
        """A response and all before it, oldest first; nothing where one of them is not there.

        Raises:
            TooLargeError: they hold more than `most` bytes; they are not read then.
        """
        ...

    def get(self, owner: str, response: str, now: int) -> Kept | None: ...

    def holders(self, owner: str, items: Sequence[str], now: int) -> Mapping[str, Kept]:
        """Which turns' answers hold these items; those that nobody knows are missing."""
        ...

    def keep(self, kept: Kept, items: Sequence[str] = ()) -> None:
        """Keep a turn, in the place of one of the same id. What is before it then lasts as long, to a day.

        `items` are ids of what its answer holds.
        """
        ...

    def delete(self, owner: str, response: str, now: int) -> bool:
        """Whether there was one. Those that go on from it cannot be gone on from any more."""
        ...

    def sweep(self, now: int) -> None:
        """Forget what has expired."""
        ...

    def close(self) -> None: ...


def is_id(text: str) -> bool:
    """Whether a provider's id can be asked for."""
    return _ID.fullmatch(text) is not None
