"""The ledger beside the event loop: a thread of its own does what waits for the disk."""

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from ostiary_gateway.contract.record import Posting, Record
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger.charge import Accounting, Unpriced
from ostiary_gateway.ledger.estimate import Text, Uncounted
from ostiary_gateway.ledger.losses import SETTLE, Losses
from ostiary_gateway.ledger.pump import STATE, Batch, External, LedgerError, Pump
from ostiary_gateway.store import Epoch, Place, Settlements, Sums

QUEUE = 10_000
"""Records of `POST /stats` that wait at most; more are dropped."""

_IDLE = 0.1  # seconds between looks at the spool; also gathers lines into batches
_BACKOFF = (0.1, 5.0)  # seconds after the first failure and at most
_TEXTS_SECONDS = 3.0  # nginx is asked for texts; without them their tokens are estimated from what it noted
T = TypeVar("T")
Fetch = Callable[[Sequence[str]], Mapping[str, Text]]
_log = logging.getLogger(__name__)


class Counts(msgspec.Struct, frozen=True):
    """Since the start of the process; `lost` since the ledger began."""

    records: int = 0
    lost: int = 0
    malformed: int = 0
    duplicates: int = 0
    dropped: int = 0


async def _no_texts(_: Sequence[str]) -> Mapping[str, Text]:
    return {}


class Wiring(msgspec.Struct, frozen=True):
    """Whom the ledger tells and asks, all on the event loop.

    `on_records` and then `on_settled` are called with what each batch was, once it is committed. `accounting` gives the
    prices and terms of this moment, None while nobody knows them: then the spool waits. `uncounted` fetches texts.
    """

    on_records: Callable[[Sequence[Record]], None] = lambda _: None
    on_settled: Callable[[Settlements], None] = lambda _: None
    accounting: Callable[[], Accounting | None] = Unpriced
    uncounted: Uncounted = _no_texts


class Ledger:
    """`problem` and `spool_problem` say in words what is wrong and are empty if nothing is. `place` is the committed end."""

    def __init__(self, data: Path, open_pump: Callable[[Fetch], Pump], wiring: Wiring, settle: float) -> None:
        self._data = data
        self._open_pump = open_pump
        self._wiring = wiring
        self._settle = settle
        self._queue: deque[tuple[External, asyncio.Future[None] | None]] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._pump: Pump | None = None
        self._sums: Sums | None = None
        self._losses: Losses | None = None
        self._told: dict[str, Epoch] = {}
        self._caught_up = time.monotonic()
        self._behind = True
        self._opened = asyncio.Event()
        self._closed = False
        self._counts = Counts()
        self.problem = ""
        self.spool_problem = ""
        self.place: Place | None = None

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        on_records: Callable[[Sequence[Record]], None] = lambda _: None,
        on_settled: Callable[[Settlements], None] = lambda _: None,
        accounting: Callable[[], Accounting | None] = Unpriced,
        uncounted: Uncounted = _no_texts,
        grace: float = 60.0,
        settle: float = SETTLE,
        now: Callable[[], float] = time.time,
    ) -> Self:
        """A ledger in `settings.data`; nothing is touched before `run`.

        Args:
            settings: `data`, `rotate_bytes`, `retention_days` and `idempotency_seconds` are read.
            on_records: called on the event loop with the records of each batch once they are committed.
            on_settled: called after it with what the batch adds to the sums.
            accounting: prices and terms as they are now, None if they are not known yet (the spool waits for them then);
                called on the event loop, used in a thread.
            uncounted: fetches texts whose tokens are to be counted; called on the event loop.
            grace: seconds after its last growth for which a renamed spool file is kept.
            settle: seconds for which a record must be missing to count as lost.
            now: Unix time.
        """
        data = Path(settings.data)

        def open_pump(fetch: Fetch) -> Pump:
            return Pump(
                data,
                rotate_bytes=settings.rotate_bytes,
                retention_days=settings.retention_days,
                grace=grace,
                now=now,
                idempotency_seconds=settings.idempotency_seconds,
                uncounted=fetch,
            )

        wiring = Wiring(on_records, on_settled, accounting, uncounted)
        return cls(data, open_pump, wiring, settle)

    @property
    def sums(self) -> Sums:
        """What was used, as committed.

        Raises:
            LedgerError: the ledger is not open; wait for `opened`.
        """
        if self._sums is None:
            raise LedgerError("ledger: not open")
        return self._sums

    async def opened(self) -> None:
        """Wait until the ledger is open: then its sums can be asked for."""
        await self._opened.wait()

    @property
    def counts(self) -> Counts:
        return msgspec.structs.replace(self._counts, lost=self._losses.total if self._losses else 0)

    @property
    def lag_seconds(self) -> float:
        """Since all that the spool held was in the ledger; 0 if it is."""
        return time.monotonic() - self._caught_up if self._behind else 0.0

    def submit(self, record: Record) -> bool:
        """Take a record from outside.

        Returns: False if the queue is full or the ledger closed; the record is dropped and counted.
        """
        if len(self._queue) >= QUEUE or self._closed:
            self._count(dropped=1)
            return False
        self._queue.append((record, None))
        return True

    async def post(self, posting: Posting) -> None:
        """Write a posting; it is committed when this returns.

        Raises:
            LedgerError: it cannot be taken now, and was not.
        """
        if len(self._queue) >= QUEUE or self._closed or self.problem:
            raise LedgerError(self.problem or "ledger: too much is waiting, or it is closed")
        done = asyncio.get_running_loop().create_future()
        self._queue.append((posting, done))
        await done

    async def rebuild(self, scratch: Path) -> None:
        """Take over counters that another process counted anew (`ostiary ledger rebuild`).

        Raises:
            LedgerError: it cannot be done; the counters are what they were.
        """
        pump = self._pump
        if pump is None:
            raise LedgerError("ledger: not open")
        settlements = await self._in_thread(pump.rebuild, scratch)
        _log.warning("counters were counted anew")
        self._wiring.on_settled(settlements)

    def reconcile(self, epoch: str, issued: int, in_flight: int) -> None:
        """Compare with what nginx says it gave out (control.sock `/status`); call it about once a second."""
        if self._losses is None or self._pump is None:
            return
        if self._behind or self.spool_problem:
            self._losses.unsettle()
        else:
            self._losses.observe(epoch, issued, in_flight, self._pump.seen, time.monotonic())

    async def run(self, stop: asyncio.Event) -> None:
        """Move records until told to stop, then what is still in the spool and the queue, then close."""
        failures = 0
        try:
            while True:
                stopping = stop.is_set()
                more = await self._try()
                failures = failures + 1 if self.problem else 0
                if stopping and (self.problem or not (more or self._queue)):
                    break
                if self.problem:
                    await _pause(stop, min(_BACKOFF[0] * 2 ** min(failures - 1, 10), _BACKOFF[1]))
                elif not more:
                    await _pause(stop, _IDLE)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let go of the files; what is not yet in the ledger stays in the spool."""
        self._closed = True
        while self._queue:
            _, done = self._queue.popleft()
            if done and not done.done():
                done.set_exception(LedgerError("ledger: closed"))
        if self._sums:
            self._sums.close()
            self._sums = None
        if self._pump:
            pump, self._pump = self._pump, None
            await self._in_thread(pump.close)
        self._thread.shutdown(wait=False)

    async def _try(self) -> bool:
        """One step. Returns: whether more is waiting."""
        queued = list(self._queue)
        told = self._losses.known() if self._losses else {}
        try:
            if self._pump is None:
                await self._open()
            epochs = told if told != self._told else {}
            batch = await self._in_thread(self._step, [each for each, _ in queued], epochs, self._wiring.accounting())
        except (LedgerError, OSError, sqlite3.Error) as error:
            self._failed(str(error))
            return False
        for _ in queued:
            _, done = self._queue.popleft()
            if done and not done.done():
                done.set_result(None)
        self._told = told
        self._succeeded(batch)
        return batch.more

    def _step(self, queued: Sequence[External], told: dict[str, Epoch], accounting: Accounting | None) -> Batch:
        if self._pump is None:
            raise LedgerError("ledger: closed")
        return self._pump.step(queued, told, accounting)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()

        def fetch(ids: Sequence[str]) -> Mapping[str, Text]:
            texts = asyncio.run_coroutine_threadsafe(_within(self._wiring.uncounted(ids)), loop)
            return texts.result()

        self._pump = await self._in_thread(self._open_pump, fetch)
        self._sums = Sums.open(self._data / "ledger" / STATE)
        self._told = dict(self._pump.epochs)
        self._losses = Losses(self._pump.epochs, self._settle)
        self.place = self._pump.place
        self._opened.set()

    def _failed(self, problem: str) -> None:
        self._behind = True
        if problem != self.problem:
            _log.error("%s", problem)
        self.problem = problem

    def _succeeded(self, batch: Batch) -> None:
        if self.problem:
            _log.warning("ledger can be written again")
        if batch.spool_problem and batch.spool_problem != self.spool_problem:
            _log.error("%s", batch.spool_problem)
        self.problem, self.spool_problem = "", batch.spool_problem
        self._behind = batch.more or batch.waits or bool(batch.spool_problem)
        if not self._behind:
            self._caught_up = time.monotonic()
        self._count(records=len(batch.records), malformed=batch.malformed, duplicates=batch.duplicates)
        self.place = batch.place
        if batch.records:
            self._wiring.on_records(batch.records)
        if batch.settlements:
            self._wiring.on_settled(batch.settlements)

    def _count(self, **more: int) -> None:
        before = self._counts
        self._counts = msgspec.structs.replace(before, **{name: getattr(before, name) + n for name, n in more.items()})

    async def _in_thread(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


async def _within(texts: Awaitable[Mapping[str, Text]]) -> Mapping[str, Text]:
    """The ledger does not wait for ever: what was not told in time is estimated."""
    try:
        async with asyncio.timeout(_TEXTS_SECONDS):
            return await texts
    except TimeoutError:
        return {}


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait, or until told to stop; while stopping a short rest all the same."""
    if stop.is_set():
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
