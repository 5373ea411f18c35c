"""One process of the gateway as a child of `ostiary run`."""

import asyncio
import ctypes
import signal
import sys
import time
from collections.abc import Callable, Mapping

from ostiary_operator.cli.standalone.plan import CannotRunError

_PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)  # before a child is started again, while it keeps dying
_SETTLED_SECONDS = 10.0
_TRIALS = 3
_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)
_prctl = ctypes.CDLL(None).prctl


class Child:
    """Started again when it dies, until it is told to stop.

    It has a session of its own, so that a Ctrl-C reaches only `ostiary run`, which stops its children in order; and if
    that is killed, the system asks the child to stop.
    """

    def __init__(self, name: str, arguments: list[str], environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._name = name
        self._arguments = arguments
        self._environ = environ
        self._say = say
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None

    async def keep(self) -> None:
        """Start it, and again when it dies, until `stop`.

        Raises:
            CannotRunError: it never got going; it has said why on stderr.
        """
        deaths, settled = 0, False
        while not self._stopping:
            begun = time.monotonic()
            code = await self.live()
            if self._stopping:
                return
            if time.monotonic() - begun > _SETTLED_SECONDS:
                deaths, settled = 0, True
            pause = _PAUSES[min(deaths, len(_PAUSES) - 1)]
            deaths += 1
            if code == 1 and not settled and deaths == _TRIALS:
                raise CannotRunError(f"the {self._name} does not start (see above)")
            self._say(f"the {self._name} {_how(code)}; it is started again{f' in {pause} s' if pause else ''}")
            await asyncio.sleep(pause)

    async def stop(self, patience: float, hurry: asyncio.Event) -> None:
        """Ask it to end and wait; ask again if `hurry` is set, and kill it when `patience` (seconds) is over."""
        self._stopping = True
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        gone = asyncio.ensure_future(process.wait())
        hurried = asyncio.ensure_future(hurry.wait())
        try:
            await asyncio.wait({gone, hurried}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if not gone.done():
                process.send_signal(signal.SIGTERM)
                await asyncio.wait({gone}, timeout=_SETTLED_SECONDS)
            if not gone.done():
                process.kill()
            await gone
        finally:
            hurried.cancel()

    async def live(self) -> int:
        """One life of it; its exit code."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ostiary_gateway",
            *self._arguments,
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,  # what they have to say is on stderr
            start_new_session=True,
            preexec_fn=_die_with_parent,  # one system call: safe between fork and exec
        )
        return await self._process.wait()


def _die_with_parent() -> None:
    _prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def _how(code: int) -> str:
    return f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with exit code {code}"
