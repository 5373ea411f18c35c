"""One nginx: its files, its start, its reload, its end. Told what to do by the keeper; decides nothing."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ostiary_gateway.supervisor import control, processes
from ostiary_gateway.supervisor.errors import ConfigurationError
from ostiary_gateway.supervisor.folders import Folders
from ostiary_gateway.supervisor.machine import Machine
from ostiary_gateway.supervisor.report import write_file
from ostiary_gateway.supervisor.waiting import wait

_LOOK_SECONDS = 0.02
_READY_SECONDS = 10.0
_MARGIN_SECONDS = 5.0  # nginx cuts a request itself (worker_shutdown_timeout), which is better than being killed
_CONFIGURATION = "nginx.conf"
_COMPLAINT = re.compile(r"\[(?:emerg|alert|crit|error)\] (?:\d+#\d+: )?(?P<text>.*)")


class Nginx:
    """The nginx of one prefix; `pid` is 0 while none runs."""

    def __init__(self, machine: Machine, folders: Folders) -> None:
        self._machine = machine
        self._folders = folders
        self._child: subprocess.Popen[bytes] | None = None
        self.pid = 0

    @property
    def own_children(self) -> set[int]:
        """What nobody else may reap."""
        return {self.pid} if self._child is not None else set()

    @property
    def alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return self.pid != 0 and processes.alive(self.pid)

    def adopt(self) -> bool:
        """Take over an nginx that runs with our files and accepts requests; one that shuts down is left to its end."""
        master = processes.find_master(self._folders.prefix / _CONFIGURATION)
        if master is None:
            return False
        if not any(worker.accepts for worker in processes.workers(master.pid)):
            processes.send(master.pid, signal.SIGQUIT)
            return False
        self.pid = master.pid
        return True

    def in_place(self, files: dict[str, bytes]) -> bool:
        return all(_content(self._folders.prefix / name) == content for name, content in files.items())

    def put_in_place(self, files: dict[str, bytes]) -> None:
        _write_tree(self._folders.prefix, files)

    async def test(self, files: dict[str, bytes]) -> None:
        """Ask nginx what it thinks of these files, in a prefix of their own.

        Raises:
            ConfigurationError: with nginx's first complaint.
        """
        candidate = self._folders.candidate
        _write_tree(candidate, files)
        test = await asyncio.create_subprocess_exec(
            *self._command(candidate, "-t", "-q"),
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _, said = await test.communicate()
        if test.returncode != 0:
            raise ConfigurationError(_complaint(said.decode(errors="replace"), candidate))

    async def start(self) -> bool:
        """Start a master in a session of its own, so that neither a Ctrl-C meant for us nor our death takes it away.

        False if it died, or not all its workers are ready in time; it has then said why on stderr.
        """
        for socket in (self._folders.control_socket, self._folders.translator_socket):
            socket.unlink(missing_ok=True)  # a killed master's: nginx would not bind over it
        self._child = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            self._command(self._folders.prefix), env=_environment(), stdin=subprocess.DEVNULL, start_new_session=True
        )
        self.pid = self._child.pid
        return await self._until_or_dead(lambda: self._fresh(set()) >= self._machine.workers)

    async def reload(self) -> bool:
        """Reload, and wait until only workers with the new configuration accept requests."""
        old = {worker.pid for worker in processes.workers(self.pid)}
        processes.send(self.pid, signal.SIGHUP)
        return await self._until_or_dead(lambda: self._fresh(old) >= self._machine.workers and not self._accepting(old))

    def reopen_logs(self) -> None:
        processes.send(self.pid, signal.SIGUSR1)

    async def drain(self, closed: dict[str, bytes], seconds: float, hurry: asyncio.Event) -> None:
        """Close the public port and let requests end; cut them after `seconds`, or as soon as `hurry` is set.

        This is a reload with `closed` files, which leave only the internal server open: if nginx were told to quit, the
        record of a request that is cut would be lost with it. So only the workers of before are ended, and those of the
        closed configuration write what their registry says was under way.
        """
        serving = {worker.pid for worker in processes.workers(self.pid)}
        is_closed = await self._close(closed)
        if not is_closed:
            processes.send(self.pid, signal.SIGQUIT)
        await self._until(lambda: not self._any_alive(serving), seconds + _MARGIN_SECONDS, hurry)
        if is_closed and self._any_alive(serving):
            for pid in serving:
                processes.send(pid, signal.SIGTERM)
            await self._until_told()

    async def stop(self) -> None:
        """End nginx; requests still under way are cut."""
        for number in (signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL):
            if self.alive:
                processes.send(self.pid, number)
                await self._until(lambda: not self.alive, _MARGIN_SECONDS, asyncio.Event())

    def release_orphans(self, session: int) -> None:
        """Let workers end their requests and go whose master was killed."""
        for worker in processes.orphans(session) if session else ():
            processes.send(worker.pid, signal.SIGQUIT)

    def forget(self) -> None:
        """After its death."""
        self._child = None
        self.pid = 0

    def _command(self, prefix: Path, *options: str) -> list[str]:
        configuration = str(prefix / _CONFIGURATION)
        return [str(self._machine.nginx), "-p", str(prefix), "-e", "stderr", "-c", configuration, *options]

    def _fresh(self, old: set[int]) -> int:
        return sum(worker.accepts and worker.pid not in old for worker in processes.workers(self.pid))

    def _any_alive(self, pids: set[int]) -> bool:
        return any(worker.pid in pids for worker in processes.workers(self.pid))

    async def _close(self, closed: dict[str, bytes]) -> bool:
        """False where it cannot be done, on a full disk for example."""
        try:
            _write_tree(self._folders.prefix, closed)
        except OSError:
            return False
        return await self.reload()

    async def _until_told(self) -> None:
        """Until the registry of requests under way is empty."""
        deadline = time.monotonic() + _MARGIN_SECONDS
        while self.alive and time.monotonic() < deadline and await control.in_flight(self._folders.control_socket):
            await wait(asyncio.Event(), _LOOK_SECONDS)

    def _accepting(self, old: set[int]) -> bool:
        return any(worker.accepts and worker.pid in old for worker in processes.workers(self.pid))

    async def _until_or_dead(self, true: Callable[[], bool]) -> bool:
        """Whether it came true while this nginx lived."""
        await self._until(lambda: true() or not self.alive, _READY_SECONDS, asyncio.Event())
        return self.alive and true()

    async def _until(self, true: Callable[[], bool], seconds: float, cut: asyncio.Event) -> None:
        deadline = time.monotonic() + seconds
        while not true() and time.monotonic() < deadline and not cut.is_set():
            await wait(cut, _LOOK_SECONDS)


def remove_candidate(folders: Folders) -> None:
    """Leave nothing of an earlier trial: another version of the gateway may have written it."""
    shutil.rmtree(folders.candidate, ignore_errors=True)


def _environment() -> dict[str, str]:
    """An almost empty one: nginx needs nothing of ours, and njs could read what is in it."""
    return {"PATH": os.environ.get("PATH", os.defpath)}


def _write_tree(prefix: Path, files: dict[str, bytes]) -> None:
    for script in (prefix / "njs").rglob("*.js"):
        if str(script.relative_to(prefix)) not in files:
            script.unlink()
    for name, content in files.items():
        if _content(prefix / name) != content:
            (prefix / name).parent.mkdir(parents=True, exist_ok=True)
            write_file(prefix / name, content)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _complaint(said: str, candidate: Path) -> str:
    found = _COMPLAINT.search(said)
    text = found["text"] if found else said.strip() or "nginx -t failed and said nothing"
    return text.replace(f"{candidate}{os.sep}", "")
