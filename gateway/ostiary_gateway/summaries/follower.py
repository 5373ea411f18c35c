"""From committed ledger lines to sums, exactly once: what was added and how far it reaches are committed together."""

import logging
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from ostiary_gateway.ledger.names import listed
from ostiary_gateway.summaries.fold import Batch
from ostiary_gateway.summaries.source import identify
from ostiary_gateway.summaries.store import Store
from ostiary_gateway.summaries.tail import CHUNK, Position, Tail, committed
from ostiary_gateway.summaries.values import SummaryError

_COMMIT_BYTES = 4 * 1024 * 1024
_log = logging.getLogger(__name__)


class Follower:
    """Used by one thread, which `pause` lets others go first: it is called between chunks with what the last one took."""

    def __init__(
        self,
        folder: Path,
        open_store: Callable[[], Store],
        pause: Callable[[float], None] = lambda _: None,
        *,
        commit_bytes: int = _COMMIT_BYTES,
        chunk: int = CHUNK,
    ) -> None:
        self._folder = folder
        self._open_store = open_store
        self._pause = pause
        self._commit_bytes = commit_bytes
        self._tail = Tail(folder, chunk)
        self._store: Store | None = None
        self._source = ""
        self._position = Position()

    def step(self) -> bool:
        """Fold what comes next, of one file at most.

        Returns: whether there may be more.

        Raises:
            SummaryError: the ledger cannot be read or the sums not be written; nothing has moved.
        """
        if not self._folder.is_dir():
            return False
        try:
            return self._step()
        except OSError as error:
            self.close()
            raise SummaryError(f"summary: {error}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._tail.close()
        if self._store is not None:
            store, self._store = self._store, None
            store.close()

    def _step(self) -> bool:
        end = committed(self._folder)
        if self._store is None:
            if not listed(self._folder):
                return False
            self._store = self._begin()
        if not self._tail.holds(self._position, end):
            _log.warning("summary: %s is not the ledger that was added up so far; it is read again", self._folder)
            self._store.forget(self._source)
            self._position = Position()
        batch, after, size = Batch(), self._position, 0
        while size < self._commit_bytes:
            began = monotonic()
            chunk = self._tail.next(after, end)
            if chunk is None or (size and chunk.name != after.name):
                break
            batch.add(chunk.data, chunk.offset)
            after, size = chunk.after, size + len(chunk.data)
            self._pause(monotonic() - began)
        if not size:
            return False
        began = monotonic()
        self._store.commit(self._source, self._position, after, batch)
        self._position = after
        self._pause(monotonic() - began)
        return True

    def _begin(self) -> Store:
        self._source = identify(self._folder)
        store = self._open_store()
        try:
            self._position = store.reached(self._source).position
        except BaseException:
            store.close()
            raise
        return store
