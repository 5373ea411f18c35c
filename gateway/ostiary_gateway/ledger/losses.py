"""Records that never arrived: ids that nginx gave out and that are neither in the ledger nor in flight.

An id between nginx's registry and the spool, or between the spool and the ledger, is missing for a moment only. So what
counts as lost is the smallest number of missing ids over `SETTLE` seconds with the spool read to its end all the time.
"""

from collections import deque
from collections.abc import Mapping

from ostiary_gateway.store import Epoch, Seen

SETTLE = 10.0


class Losses:
    def __init__(self, known: Mapping[str, Epoch], settle: float = SETTLE) -> None:
        self._known = dict(known)
        self._settle = settle
        self._recent: dict[str, deque[tuple[float, int]]] = {}  # epoch -> when, how many were missing then

    @property
    def total(self) -> int:
        return sum(epoch.lost for epoch in self._known.values())

    def known(self) -> dict[str, Epoch]:
        return dict(self._known)

    def unsettle(self) -> None:
        """The spool is not read to its end: what is missing now may lie in it."""
        self._recent.clear()

    def observe(self, epoch: str, issued: int, in_flight: int, seen: Seen, now: float) -> None:
        """Compare what nginx says of its running epoch with the ledger; also settle epochs that have ended.

        Args:
            epoch: of the nginx that is running.
            issued: ids given out in it.
            in_flight: requests not yet logged.
            seen: ids that are in the ledger.
            now: seconds of a clock that never goes back.
        """
        before = self._known.get(epoch, Epoch(0, 0))
        self._known[epoch] = Epoch(max(issued, before.issued), before.lost)
        for each, told in list(self._known.items()):
            flying = in_flight if each == epoch else 0
            missing = max(told.issued, seen.largest(each)) - seen.count(each) - flying
            if missing <= told.lost:
                self._recent.pop(each, None)
            elif (fewest := self._fewest(each, missing, now)) > told.lost:
                self._known[each] = Epoch(told.issued, fewest)

    def _fewest(self, epoch: str, missing: int, now: float) -> int:
        """The smallest number of the last `settle` seconds; 0 while they are not over."""
        recent = self._recent.setdefault(epoch, deque())
        recent.append((now, missing))
        while len(recent) > 1 and now - recent[1][0] >= self._settle:
            recent.popleft()
        return min(number for _, number in recent) if now - recent[0][0] >= self._settle else 0
