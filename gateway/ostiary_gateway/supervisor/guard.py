"""The guard as a child: started before nginx, started again when it dies, ended after nginx.

The supervisor listens for it, so that while one guard is gone and the next one starts, requests wait and none is refused.
"""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import time

from ostiary_gateway.supervisor import processes
from ostiary_gateway.supervisor.folders import Folders
from ostiary_gateway.supervisor.machine import Machine
from ostiary_gateway.supervisor.pauses import Pauses
from ostiary_gateway.supervisor.waiting import wait

_LOOK_SECONDS = 0.02
_BACKLOG = 4096
_LONGEST_HOLD_SECONDS = 0.5  # a longer pause than this would be too long to wait for
_STOP_SECONDS = (0.5, 2.0, 2.0)

_log = logging.getLogger(__name__)


class Guard:
    """A killed supervisor's guard goes on with what it has open; the next one takes the socket's place."""

    def __init__(self, machine: Machine, folders: Folders) -> None:
        self._machine = machine
        self._folders = folders
        self._listener: socket.socket | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._pauses = Pauses()
        self._next = 0.0  # when the next one starts, if none runs

    @property
    def own_children(self) -> set[int]:
        """What nobody else may reap."""
        return {self._child.pid} if self._child is not None else set()

    def keep(self) -> None:
        """Look after it; returns at once."""
        if self._child is not None and self._child.poll() is not None:
            self._bury(self._child.pid)
        if self._child is None and time.monotonic() >= self._next:
            self._start()

    async def attend(self, seconds: float) -> None:
        """Look after it every so often, until cancelled: open requests need it to their end."""
        while True:
            self.keep()
            await asyncio.sleep(seconds)

    async def stop(self) -> None:
        """End it and those before it: nginx has ended, so nobody waits for them."""
        for seconds, number in zip(_STOP_SECONDS, (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL), strict=True):
            deadline = time.monotonic() + seconds
            for pid in self._living():
                processes.send(pid, number)
            while self._living() and time.monotonic() < deadline:
                await wait(asyncio.Event(), _LOOK_SECONDS)
        self._refuse()
        self._folders.guard_socket.unlink(missing_ok=True)

    def _start(self) -> None:
        """In a session of its own, as nginx; its settings are those of our environment."""
        is_first = self._listener is None
        if self._listener is None:
            self._listener = self._listen()
        self._pauses.born()
        environ = {**os.environ, "OSTIARY_CA_FILE": str(self._machine.certificates)}
        descriptor = self._listener.fileno()
        command = [sys.executable, "-m", *processes.guard_words(descriptor, self._folders.run)]
        self._child = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, start_new_session=True, pass_fds=(descriptor,)
        )
        if is_first:
            self._end_others()

    def _bury(self, pid: int) -> None:
        pause = self._pauses.after_death()
        _log.error("guard %d died; the next one starts in %.1f s", pid, pause)
        self._child = None
        self._next = time.monotonic() + pause
        if pause > _LONGEST_HOLD_SECONDS:
            self._refuse()

    def _listen(self) -> socket.socket:
        """Take the socket's place at once: a guard before us keeps its connections, and gets no new ones."""
        ours = self._folders.guard_socket.with_name("g.sock")
        ours.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(ours))
        listener.listen(_BACKLOG)
        ours.replace(self._folders.guard_socket)
        return listener

    def _refuse(self) -> None:
        """Whoever waits for a guard is told that there is none."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _end_others(self) -> None:
        for pid in processes.guards(self._folders.run) - self.own_children:
            _log.info("guard %d of an earlier supervisor is to end", pid)
            processes.send(pid, signal.SIGTERM)

    def _living(self) -> set[int]:
        if self._child is not None and self._child.poll() is not None:
            self._child = None
        return processes.guards(self._folders.run)
