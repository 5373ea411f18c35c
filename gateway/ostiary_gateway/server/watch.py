"""The eye on nginx's backends: asks for their state again and again, hands it on, and tells nginx what others know.

While nginx is away there is no state. A new nginx has forgotten everything, so it is told what the one before it knew.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from ostiary_gateway.server.control import Control, NginxAwayError, NginxRefusesError
from ostiary_gateway.server.reported import Change, Opening, Reported

ALONE_SECONDS = 1.0
SHARED_SECONDS = 0.2
_FULL_SECONDS = 1.0  # latencies and counts change without a new version
# An answer keeps a worker of nginx from its requests, 3 us for each entry: rest so many times as long.
_REST, _FULL_REST, _LONGEST_REST = 20, 100, 10.0
_UNTOLD = 1000
_AT_ONCE = 40  # with the longest names less than the 16 KB that nginx reads into memory

log = logging.getLogger(__name__)

Listener = Callable[[Reported], None]


class Watch:
    """`reported` is None while nginx is away. Listeners hear every state that was read, one after the other."""

    def __init__(self, control: Control, every: float, listeners: Sequence[Listener]) -> None:
        self.reported: Reported | None = None
        self._control = control
        self._every = every
        self._listeners = listeners
        self._last: Reported | None = None
        self._full_at = 0.0
        self._took = 0.0
        self._untold: deque[Change] = deque(maxlen=_UNTOLD)
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            try:
                await self._look(full=asyncio.get_running_loop().time() >= self._full_at)
            except NginxAwayError as error:
                log.debug("backends: %s", error)
            await asyncio.sleep(max(self._every, min(self._took * _REST, _LONGEST_REST)))

    async def look(self) -> Reported:
        """The state at this moment.

        Raises:
            NginxAwayError: nginx cannot be asked.
        """
        return await self._look(full=True)

    async def tell(self, change: Change) -> None:
        """Tell nginx, now or as soon as it is there again."""
        if not change:
            return
        async with self._lock:
            self._untold.append(change)
            try:
                await self._tell_all()
            except NginxAwayError as error:
                log.debug("backends: %s", error)

    async def _look(self, *, full: bool) -> Reported:
        async with self._lock:
            try:
                await self._tell_all()
                version = "" if full or self.reported is None else str(self.reported.version)
                began = asyncio.get_running_loop().time()
                found = await self._control.health(version)
                self._took = asyncio.get_running_loop().time() - began
                if found is not None and self._last is not None and found.epoch != self._last.epoch:
                    self._untold.append(_remembered(self._last, found.now))
                    self._last = None
                    await self._tell_all()
                    found = await self._control.health()
            except NginxAwayError:
                self.reported = None
                raise
            if found is None:  # nothing but time has passed
                return self.reported or self._unknown()
            if full:
                self._full_at = began + max(_FULL_SECONDS, min(self._took * _FULL_REST, _LONGEST_REST))
            self.reported = self._last = found
            for listener in self._listeners:
                listener(found)
            return found

    async def _tell_all(self) -> None:
        while self._untold:
            try:
                for part in self._untold[0].parts(_AT_ONCE):
                    await self._control.push_health(part)
            except NginxRefusesError as error:
                log.warning("what is known of backends cannot be told: %s", error)
            self._untold.popleft()

    @staticmethod
    def _unknown() -> Reported:
        raise NginxAwayError("control socket: nothing was said of the backends")


def _remembered(reported: Reported, now: int) -> Change:
    """What is still true of a state."""
    openings: dict[str, Opening | None] = dict(reported.openings())
    return Change(blocks={scope: block for scope, block in reported.blocks.items() if block[0] > now}, breakers=openings)
