"""What a sidecar does with committed records beside its event loop: sums, compressed files, exported logs.

One thread does it in turn. After each piece of work it rests three times as long as the work took, so that the threads that
answer and write the ledger have the interpreter for three quarters of the time, however much there is to make up for.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.summaries.compression import Compression
from ostiary_gateway.summaries.export import exporter
from ostiary_gateway.summaries.service import Summaries
from ostiary_gateway.summaries.source import alone
from ostiary_gateway.summaries.values import SummaryError

_IDLE_SECONDS = 1.0
_REST = 3.0  # for each second of work
_log = logging.getLogger(__name__)


class Chore(Protocol):
    """Work that comes in pieces; raises `SummaryError` or `OSError` where it cannot be done now."""

    def step(self) -> bool:
        """Do a piece. Returns: whether there may be more."""
        ...

    def close(self) -> None: ...


class _StoppedError(Exception):
    """The process ends: what was begun is done again at the next start."""


class Background:
    """`problem` says what cannot be done and why; empty is fine."""

    def __init__(self, folder: Path, make: Callable[[Callable[[float], None]], Sequence[Chore]]) -> None:
        """Work on a ledger folder; `make` gets what a chore calls with the seconds that a piece took."""
        self._folder = folder
        self._stop = threading.Event()
        self._chores = make(self._rest)
        self._problems: dict[Chore, str] = {}
        self.problem = ""

    @classmethod
    def of(cls, settings: Settings) -> "Background":
        """All that these settings ask for.

        Raises:
            SettingsError: `log_export` cannot be what it says.
        """
        folder = Path(settings.data) / "ledger"

        def make(pause: Callable[[float], None]) -> Sequence[Chore]:
            chores: list[Chore] = [Summaries.of(settings).follower(pause)]
            if settings.compress_days:
                chores.append(Compression(folder, settings.compress_days, time.time, pause))
            if settings.log_export:
                chores.append(exporter(settings, folder, pause))
            return chores

        return cls(folder, make)

    async def run(self) -> None:
        """Work until cancelled; then let go within moments."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="summaries")
        work = asyncio.get_running_loop().run_in_executor(pool, self._work)
        try:
            await asyncio.shield(work)
        finally:
            self._stop.set()
            await work
            pool.shutdown(wait=False)

    def _work(self) -> None:
        with ExitStack() as opened:
            for chore in self._chores:
                opened.callback(chore.close)
            try:
                while True:
                    self._alone()
                    self._idle()
            except _StoppedError:
                return

    def _alone(self) -> None:
        """Work as long as no other process does."""
        if not self._folder.is_dir():
            return
        try:
            with alone(self._folder) as free:
                while free:
                    busy = [self._step(chore) for chore in self._chores]
                    if not any(busy):
                        self._idle()
        except OSError as error:
            self._tell(f"summary: {error}")

    def _step(self, chore: Chore) -> bool:
        try:
            more = chore.step()
        except (SummaryError, OSError) as error:
            self._problems[chore] = str(error)
            more = False
        else:
            self._problems.pop(chore, None)
        self._tell("; ".join(self._problems.values()))
        return more

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            _log.warning("%s", problem)
        elif self.problem and not problem:
            _log.info("summaries are up to date again")
        self.problem = problem

    def _rest(self, worked: float) -> None:
        if self._stop.wait(worked * _REST):
            raise _StoppedError

    def _idle(self) -> None:
        if self._stop.wait(_IDLE_SECONDS):
            raise _StoppedError
