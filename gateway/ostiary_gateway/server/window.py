"""Requests of the last minute by target, from counts that only grow."""

from collections import deque
from collections.abc import Iterable, Mapping

from ostiary_gateway.server.reported import Count, Reported

WINDOW_MS = 60_000
_STEP_MS = 1_000
_NONE = Count()


class Window:
    """Keeps one reading a second. A new nginx counts from nothing, and so does this then."""

    def __init__(self) -> None:
        self._readings: deque[tuple[int, Mapping[str, Count]]] = deque()
        self._epoch = ""
        self._newest: Mapping[str, Count] = {}

    def note(self, reported: Reported) -> None:
        if reported.epoch != self._epoch:
            self._epoch = reported.epoch
            self._readings.clear()
            self._readings.append((reported.now - WINDOW_MS, {}))
        self._newest = reported.counts
        if reported.now - self._readings[-1][0] >= _STEP_MS:
            self._readings.append((reported.now, reported.counts))
        while len(self._readings) > 1 and self._readings[1][0] <= reported.now - WINDOW_MS:
            self._readings.popleft()

    def recent(self, targets: Iterable[str]) -> Count:
        """Successes and failures of these targets together, within the last minute."""
        before = self._readings[0][1] if self._readings else {}
        pairs = [(self._newest.get(target, _NONE), before.get(target, _NONE)) for target in targets]
        return Count(
            success=sum(now.success - then.success for now, then in pairs),
            failure=sum(now.failure - then.failure for now, then in pairs),
        )
