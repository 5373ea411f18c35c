"""Writing statuses: a few at a time, the newest of each object only, again when the API server is busy.

While a thousand statuses wait, their objects often reach their final state; what was overtaken is never written.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from ostiary_operator.cluster.errors import ClusterError, RefusedError
from ostiary_operator.cluster.pen import NotLeadingError, Pen
from ostiary_operator.cluster.resources import Object, Resource
from ostiary_operator.reconcile.world import Key, World, version_of

log = logging.getLogger(__name__)
WORKERS = 8
_PAUSE_MIN = 0.2
_PAUSE_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The status that an object should have, as JSON; `version` is that of the object it was found for."""

    resource: Resource
    key: Key
    uid: str
    version: int
    status: Object


class StatusWriter:
    """`drained` is called when everything that was asked for is written."""

    def __init__(self, pen: Pen, world: World, drained: Callable[[], None]) -> None:
        self._pen = pen
        self._world = world
        self._drained = drained
        self._waiting: dict[tuple[Resource, Key], Wanted] = {}
        self._more = asyncio.Condition()
        self._busy = 0
        self._held = False

    @property
    def busy(self) -> bool:
        """Whether something is still to be written."""
        return bool(self._waiting or self._busy)

    async def ask(self, wanted: list[Wanted]) -> None:
        """Write these, and forget what was asked before and is not among them: it is right by now.

        An object that has changed since is left to the next look, which there is when all others are written.
        """
        async with self._more:
            self._waiting = {(each.resource, each.key): each for each in wanted if self._is_current(each)}
            self._more.notify_all()
        if wanted and not self.busy:
            self._drained()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Begin no write meanwhile: what is done in the block goes first."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            async with self._more:
                self._more.notify_all()

    def _is_current(self, wanted: Wanted) -> bool:
        found = self._world.shelves[wanted.resource].items.get(wanted.key)
        return found is not None and version_of(found) == wanted.version

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        pause = _PAUSE_MIN
        while True:
            wanted = await self._next()
            try:
                again = not await self._write(wanted)
            finally:
                self._busy -= 1
            if again:
                self._waiting.setdefault((wanted.resource, wanted.key), wanted)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _PAUSE_MAX)
                continue
            pause = _PAUSE_MIN
            if not self.busy:
                self._drained()

    async def _next(self) -> Wanted:
        async with self._more:
            await self._more.wait_for(lambda: bool(self._waiting) and not self._held)
            wanted = self._waiting.pop(next(iter(self._waiting)))
            self._busy += 1
            return wanted

    async def _write(self, wanted: Wanted) -> bool:
        """Whether there is nothing more to do about it."""
        try:
            answer: Any = await self._pen.set_status(wanted.resource, *wanted.key, wanted.uid, wanted.status)
        except (RefusedError, NotLeadingError) as error:
            log.info("status of %s/%s not written: %s", *wanted.key, error)
            return True
        except ClusterError as error:
            log.warning("status of %s/%s: %s", *wanted.key, error)
            return False
        self._world.remember(wanted.resource, answer)
        return True
