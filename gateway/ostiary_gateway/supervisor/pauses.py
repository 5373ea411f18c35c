"""How long to wait before a process that died is started again: not at all the first time, then longer and longer."""

import time

_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SETTLED_SECONDS = 10.0  # what lived this long died for a new reason


class Pauses:
    def __init__(self) -> None:
        self._deaths = 0
        self._born = time.monotonic()

    def born(self) -> None:
        self._born = time.monotonic()

    def after_death(self) -> float:
        """Seconds until the next start."""
        if time.monotonic() - self._born > _SETTLED_SECONDS:
            self._deaths = 0
        pause = _SECONDS[min(self._deaths, len(_SECONDS) - 1)]
        self._deaths += 1
        return pause
