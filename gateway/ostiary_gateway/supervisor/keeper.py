"""The supervisor's flow, told once: begin, look every 100 ms, end."""

import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ostiary_gateway.contract import bundle
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.supervisor import processes, report, spool
from ostiary_gateway.supervisor.configuration import build_files, close_files, upstream_files
from ostiary_gateway.supervisor.errors import ConfigurationError, StartError
from ostiary_gateway.supervisor.folders import Folders
from ostiary_gateway.supervisor.guard import Guard
from ostiary_gateway.supervisor.machine import Machine
from ostiary_gateway.supervisor.nginx import Nginx, remove_candidate
from ostiary_gateway.supervisor.pauses import Pauses
from ostiary_gateway.supervisor.report import Report
from ostiary_gateway.supervisor.waiting import wait

_LOOK_SECONDS = 0.1
_FIRST_BUNDLE_SECONDS = 1.0  # then nginx starts without any provider

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Orders:
    """What the signals ask for: to stop when the open requests have ended, or (`hurry`) without waiting for them."""

    stop: asyncio.Event
    hurry: asyncio.Event

    def signalled(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


class Keeper:
    """Keeps one nginx as the bundle and the settings say."""

    def __init__(self, settings: Settings, machine: Machine, folders: Folders) -> None:
        self._settings = settings
        self._machine = machine
        self._folders = folders
        self._nginx = Nginx(machine, folders)
        self._guard = Guard(machine, folders)
        self._report = Report(epoch="")
        self._refused: bytes | None = None  # upstreams.conf that nginx would not take: not tried again
        self._rotation = spool.Rotation.of(folders.spool, settings.spool_rotate_bytes, time.time_ns())
        self._pauses = Pauses()
        self._trouble = ""

    async def run(self, orders: Orders) -> None:
        """Until told to stop.

        Raises:
            StartError: nginx does not even take a configuration without any provider.
        """
        remove_candidate(self._folders)
        self._folders.make()
        self._files(b"", epoch="")  # settings that cannot be written are said before anything is started
        try:
            await self._begin(orders)
        except StartError:
            await self._guard.stop()
            raise
        while not orders.stop.is_set():
            await self._look_safely(orders)
            await wait(orders.stop, _LOOK_SECONDS)
        await self._end(orders)

    async def _begin(self, orders: Orders) -> None:
        """First the guard, whose socket is there at once, then nginx, which may send it requests."""
        if not orders.stop.is_set():
            self._guard.keep()
        await self._await_first_bundle(orders)
        adopted = self._adopt()
        if adopted and not orders.stop.is_set():
            wanted = self._wanted()
            await self._apply(self._in_force() if wanted is None else wanted)
        elif not orders.stop.is_set():
            await self._launch()

    async def _end(self, orders: Orders) -> None:
        _log.info("stopping nginx %d: open requests may go on for %d s", self._nginx.pid, self._settings.shutdown_seconds)
        if self._nginx.alive:
            closed = close_files(self._files(self._in_force(), self._report.epoch), self._folders)
            attended = asyncio.create_task(self._guard.attend(_LOOK_SECONDS))
            await self._nginx.drain(closed, self._settings.shutdown_seconds, orders.hurry)
            attended.cancel()
        await self._nginx.stop()
        await self._guard.stop()
        self._folders.report.unlink(missing_ok=True)

    async def _await_first_bundle(self, orders: Orders) -> None:
        deadline = time.monotonic() + _FIRST_BUNDLE_SECONDS
        while not orders.stop.is_set() and self._wanted() is None and time.monotonic() < deadline:
            await wait(orders.stop, _LOOK_SECONDS)

    def _adopt(self) -> bool:
        """Whether an nginx of ours runs: the supervisor before this one was killed."""
        last = report.read(self._folders.report)
        if last is None:
            return False
        if not self._nginx.adopt():
            self._nginx.release_orphans(last.pid)
            return False
        _log.info("adopted nginx %d of epoch %s", self._nginx.pid, last.epoch)
        self._tell(msgspec.structs.replace(last, pid=self._nginx.pid))
        return True

    async def _look_safely(self, orders: Orders) -> None:
        """As PID 1 the supervisor takes nginx with it, so a full disk or a refused configuration must not end it."""
        try:
            await self._look(orders)
        except (OSError, StartError) as error:
            if str(error) != self._trouble:
                _log.warning("nginx is left as it is: %s", error)
            self._trouble = str(error)
        else:
            self._trouble = ""

    async def _look(self, orders: Orders) -> None:
        processes.reap_strangers(self._nginx.own_children | self._guard.own_children)
        self._guard.keep()
        if not self._nginx.alive:
            await self._replace_dead(orders)
            return
        self._rotate_spool()
        wanted = self._wanted()
        if wanted is None or wanted == self._refused:
            return
        if bundle.digest(wanted) != self._report.upstreams:
            await self._apply(wanted)
        elif self._refused is not None:  # back to what is in force
            self._refused = None
            self._tell(msgspec.structs.replace(self._report, problem=""))

    async def _replace_dead(self, orders: Orders) -> None:
        """Start nginx again, at once the first time, and after longer and longer pauses if it keeps dying."""
        dead = self._nginx.pid
        pause = self._pauses.after_death()
        _log.error("nginx %s; the next one starts in %.1f s", f"{dead} died" if dead else "does not run", pause)
        self._nginx.release_orphans(dead)
        self._nginx.forget()
        self._tell(msgspec.structs.replace(self._report, pid=0, upstreams="", problem="nginx died"))
        await wait(orders.stop, pause)
        if not orders.stop.is_set():
            await self._launch()

    async def _launch(self) -> None:
        """Start nginx in a new epoch, with the best upstreams that it takes."""
        self._pauses.born()
        epoch = _base36(time.time_ns())
        upstreams, problem = await self._best(epoch)
        self._nginx.put_in_place(self._files(upstreams, epoch))
        self._tell(Report(epoch=epoch, problem=problem))  # the epoch is known before a request can bear it
        if await self._nginx.start():
            self._tell(Report(epoch=epoch, pid=self._nginx.pid, upstreams=bundle.digest(upstreams), problem=problem))
            _log.info("nginx %d serves on %s:%d, epoch %s", self._nginx.pid, self._settings.host, self._settings.port, epoch)
            return
        await self._nginx.stop()

    async def _best(self, epoch: str) -> tuple[bytes, str]:
        """The wanted upstreams, else those last in force, else none; and what is wrong with the wanted ones."""
        wanted = self._wanted() or b""
        problem = ""
        for upstreams in (wanted, self._in_force(), b""):
            try:
                await self._nginx.test(self._files(upstreams, epoch))
            except ConfigurationError as error:
                problem = problem or str(error)
                continue
            if problem:
                self._refused = wanted
                _log.error("upstreams %s refused: %s", bundle.digest(wanted), problem)
            return upstreams, problem
        raise StartError(f"nginx: {problem}")

    async def _apply(self, upstreams: bytes) -> None:
        """Put other upstreams into force, or other settings; what nginx refuses is reported and never comes near it."""
        files = self._files(upstreams, self._report.epoch)
        before = self._in_force()
        rest = {name: content for name, content in files.items() if name != bundle.UPSTREAMS}
        try:
            await self._nginx.test(upstream_files(files) if self._nginx.in_place(rest) else files)
        except ConfigurationError as error:
            self._refuse(upstreams, str(error))
            return
        if not self._nginx.in_place(files):
            self._nginx.put_in_place(files)
            if not await self._nginx.reload():
                self._nginx.put_in_place(self._files(before, self._report.epoch))
                self._refuse(upstreams, "nginx did not reload")
                return
        self._refused = None
        self._tell(msgspec.structs.replace(self._report, upstreams=bundle.digest(upstreams), problem=""))
        _log.info("upstreams %s in force", self._report.upstreams)

    def _refuse(self, upstreams: bytes, problem: str) -> None:
        self._refused = upstreams
        self._tell(msgspec.structs.replace(self._report, problem=problem))
        _log.error("upstreams %s refused, %s stay: %s", bundle.digest(upstreams), self._report.upstreams or "none", problem)

    def _rotate_spool(self) -> None:
        now_ns = time.time_ns()
        if self._rotation.due(spool.size(self._folders.spool), now_ns):
            aside = spool.rename(self._folders.spool, now_ns)
            self._nginx.reopen_logs()
            _log.info("spool rotated to %s", aside.name)
            self._rotation = self._rotation.turned(now_ns)

    def _files(self, upstreams: bytes, epoch: str) -> dict[str, bytes]:
        return build_files(self._settings, self._machine, self._folders, epoch, upstreams)

    def _wanted(self) -> bytes | None:
        return _content(self._folders.bundle_upstreams)

    def _in_force(self) -> bytes:
        return _content(self._folders.prefix / bundle.UPSTREAMS) or b""

    def _tell(self, news: Report) -> None:
        report.write(self._folders.report, news)
        self._report = news  # not before: what could not be written is told again


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits
