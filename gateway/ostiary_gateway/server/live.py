"""The bundle in use: taking a new one, telling nginx its generation, knowing when it is in force in all of this pod."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from ostiary_gateway.bundle import folder
from ostiary_gateway.contract.bundle import UPSTREAMS, Bundle, BundleError, digest
from ostiary_gateway.decide.index import NO_SOURCES, Index, Sources
from ostiary_gateway.server import nginx_report
from ostiary_gateway.server.control import Control, NginxAwayError, Status

UPSTREAMS_WAIT_SECONDS = 1.0
_LOOK_SECONDS = 0.02
_TICK_SECONDS = 1.0

log = logging.getLogger(__name__)

Acknowledge = Callable[[str], Awaitable[None]]
OnTaken = Callable[[Index], None]
OnStatus = Callable[[Status], None]


class Live:
    """`index` is None until the first bundle. `problem` says why the newest bundle is not in use."""

    def __init__(
        self, run: Path, control: Control, on_taken: OnTaken, acknowledge: Acknowledge, sources: Sources = NO_SOURCES
    ) -> None:
        self._run = run
        self._sources = sources
        self._control = control
        self._on_taken = on_taken
        self._acknowledge = acknowledge
        self._pushed = ""
        self._acknowledged = ""
        self._upstreams = ""
        self._waits_until = 0.0
        self._lock = asyncio.Lock()
        self._was_told = asyncio.Event()
        self.index: Index | None = None
        self.status: Status | None = None
        self.taken_at = 0.0
        self.problem = ""

    async def follow(self, bundles: AsyncIterator[Bundle]) -> None:
        """Take each bundle into use, for ever."""
        async for bundle in bundles:
            await self.take(bundle)

    async def take(self, bundle: Bundle) -> None:
        """Put one bundle in force; one that cannot be read changes nothing (LM-18)."""
        if self.index is not None and self.index.digest == bundle.digest:
            self.problem = ""
            return
        try:
            index = await asyncio.to_thread(Index.build, bundle, self.index, self._sources)
        except BundleError as error:
            self.problem = str(error)
            log.warning("%s; the last good bundle stays in use", error)
            return
        upstreams = digest(bundle.files.get(UPSTREAMS, b""))
        if upstreams != self._upstreams and not await self._wait_for_upstreams(bundle.digest, upstreams):
            return
        self._waits_until = 0.0
        self.index = index
        self.problem = ""
        self.taken_at = time.time()
        self._upstreams = upstreams
        self._on_taken(index)
        log.info("bundle taken into use", extra={"bundle": bundle.digest, "keys": len(index)})
        await self._push()
        await self._confirm()

    async def tick(self, on_status: OnStatus) -> None:
        """Once a second: what nginx is busy with; nginx that has another generation (it restarted) is told again.

        And at once when it has been told something: then it is there.
        """
        while True:
            await self._look(on_status)
            self._was_told.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._was_told.wait(), _TICK_SECONDS)

    def nginx_problem(self) -> str:
        """Why nginx does not serve what is in use, in words; empty where it does."""
        report = nginx_report.load(self._run)
        if report is None or self.status is None:
            return "nginx is not there"
        if report.problem:
            return report.problem
        if self.index is not None and report.upstreams != self._upstreams:
            return "nginx does not have the newest upstreams yet"
        return ""

    async def _look(self, on_status: OnStatus) -> None:
        try:
            self.status = await self._control.status()
        except NginxAwayError:
            self.status = None
            return
        on_status(self.status)
        if self.index is not None and self.status.generation != self.index.digest:
            await self._push()
        await self._confirm()

    async def _wait_for_upstreams(self, bundle: str, upstreams: str) -> bool:
        """Wait for nginx, at most a second: a key that is taken away must not wait for a host that nginx cannot take.

        Returns: False where a newer bundle is there, which is to be looked at instead; its wait is not a new second.
        """
        self._waits_until = self._waits_until or time.monotonic() + UPSTREAMS_WAIT_SECONDS
        while not self._has(upstreams) and time.monotonic() < self._waits_until:
            if folder.current(self._run) not in {bundle, None}:
                return False
            await asyncio.sleep(_LOOK_SECONDS)  # the report is a file, there is nothing to await
        return True

    def _has(self, upstreams: str) -> bool:
        report = nginx_report.load(self._run)
        return report is not None and report.upstreams == upstreams

    async def _push(self) -> None:
        """The generation nginx is told is always that of the index in use at the moment of telling."""
        async with self._lock:
            if self.index is None:
                return
            try:
                await self._control.push_generation(self.index.digest)
            except NginxAwayError as error:
                log.debug("generation not pushed: %s", error)
                return
            self._pushed = self.index.digest
            self._was_told.set()

    async def _confirm(self) -> None:
        index = self.index
        if index is None or self._acknowledged == index.digest or self._pushed != index.digest:
            return
        if self._has(self._upstreams):
            self._acknowledged = index.digest
            await self._acknowledge(index.digest)
