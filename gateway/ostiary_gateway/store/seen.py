"""Which record ids are in the ledger, as ranges of numbers per epoch.

nginx counts up from 1 within an epoch, so that what was seen is nearly one range: with n requests in flight there are
about n holes at most, however many records there are.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping


class Ranges:
    """A set of integers as sorted, disjoint, inclusive ranges that do not touch."""

    def __init__(self, bounds: Iterable[int] = ()) -> None:
        """Args: bounds: first, last, first, last ... as `bounds()` gives them."""
        flat = list(bounds)
        self._firsts = flat[::2]
        self._lasts = flat[1::2]

    def bounds(self) -> list[int]:
        return [bound for pair in zip(self._firsts, self._lasts, strict=True) for bound in pair]

    def copy(self) -> "Ranges":
        twin = Ranges()
        twin._firsts, twin._lasts = self._firsts.copy(), self._lasts.copy()
        return twin

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in zip(self._firsts, self._lasts, strict=True))

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    @property
    def largest(self) -> int:
        return self._lasts[-1] if self._lasts else 0

    def add(self, number: int) -> bool:
        """Returns: whether the number was not there."""
        at = bisect_right(self._firsts, number) - 1
        if at >= 0 and number <= self._lasts[at]:
            return False
        touches_left = at >= 0 and self._lasts[at] == number - 1
        touches_right = at + 1 < len(self._firsts) and self._firsts[at + 1] == number + 1
        if touches_left and touches_right:
            self._lasts[at] = self._lasts.pop(at + 1)
            del self._firsts[at + 1]
        elif touches_left:
            self._lasts[at] = number
        elif touches_right:
            self._firsts[at + 1] = number
        else:
            self._firsts.insert(at + 1, number)
            self._lasts.insert(at + 1, number)
        return True


class Seen:
    """Ids `<epoch>-<n>`. Changes are staged in a copy of what they touch, and taken over once they are committed."""

    def __init__(self, epochs: Mapping[str, Ranges] | None = None) -> None:
        self._epochs = dict(epochs or {})
        self._staged: dict[str, Ranges] = {}

    def add(self, epoch: str, number: int) -> bool:
        """Returns: whether the id is new."""
        ranges = self._staged.get(epoch)
        if ranges is None:
            known = self._epochs.get(epoch)
            ranges = self._staged[epoch] = known.copy() if known else Ranges()
        return ranges.add(number)

    def staged(self) -> Iterator[tuple[str, list[int]]]:
        return ((epoch, ranges.bounds()) for epoch, ranges in self._staged.items())

    def accept(self) -> None:
        self._epochs |= self._staged
        self._staged = {}

    def reject(self) -> None:
        self._staged = {}

    def count(self, epoch: str) -> int:
        ranges = self._epochs.get(epoch)
        return len(ranges) if ranges else 0

    def largest(self, epoch: str) -> int:
        ranges = self._epochs.get(epoch)
        return ranges.largest if ranges else 0
