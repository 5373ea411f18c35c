"""Many changes, one answer: wait until it is quiet, but never long."""

import asyncio

_BUSY = 4  # times the usual pause, soon after an answer


class Debounce:
    """`poke` says that something changed; `wait` returns when nothing has for `quiet` seconds, or the first did `longest` ago.

    While changes go on and on, `longest` doubles up to `most`, and soon after an answer the pause has to be longer: a thousand
    objects applied in a row are a few answers, but the first and the last of them are answered quickly.
    """

    def __init__(self, quiet: float, longest: float, most: float | None = None) -> None:
        self._quiet = quiet
        self._longest = longest
        self._most = most or longest
        self._limit = longest
        self._poked = asyncio.Event()
        self._last = 0.0
        self._answered = float("-inf")

    def poke(self) -> None:
        self._last = asyncio.get_running_loop().time()
        self._poked.set()

    async def wait(self) -> None:
        """Until there was a change and then a pause; changes from now on count for the next wait."""
        await self._poked.wait()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limit
        quiet = self._quiet * (_BUSY if loop.time() - self._answered < self._most else 1)
        while True:
            left = min(self._last + quiet, end) - loop.time()
            if left <= 0:
                break
            await asyncio.sleep(left)
        self._limit = min(self._limit * 2, self._most) if self._last + quiet > end else self._longest
        self._answered = loop.time()
        self._poked.clear()


class Alarm:
    """One poke at a later time, for what changes by itself: an overlap that ends, a rotation that is due."""

    def __init__(self, target: Debounce) -> None:
        self._target = target
        self._timer: asyncio.TimerHandle | None = None

    def set(self, delay: float | None) -> None:
        """In `delay` seconds, instead of what was set before; None is never."""
        if self._timer:
            self._timer.cancel()
        self._timer = None if delay is None else asyncio.get_running_loop().call_later(delay, self._target.poke)
