"""The summary of one gateway's settings: which store it has, and what can be asked of it from any thread."""

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.ledger.names import listed
from ostiary_gateway.summaries.follower import Follower
from ostiary_gateway.summaries.query import Page, Query
from ostiary_gateway.summaries.report import answer
from ostiary_gateway.summaries.source import alone, identified
from ostiary_gateway.summaries.sqlite import FILE, Sqlite
from ostiary_gateway.summaries.store import Store
from ostiary_gateway.summaries.values import SummaryError


class Summaries:
    """Opens what it needs for each question; nothing before."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self._folder = folder
        self._url = url

    @classmethod
    def of(cls, settings: Settings) -> "Summaries":
        """The summary of the ledger in `settings.data`, in the database of `settings.summary_url` if there is one."""
        return cls(Path(settings.data) / "ledger", settings.summary_url)

    def query(self, query: Query) -> Page:
        """Who used what, up to the last committed record. Blocks; call it in a thread.

        Raises:
            QueryError: it asks for what does not exist.
            SummaryError: the store or the ledger cannot be read.
        """
        query = query.checked()
        source = identified(self._folder)
        store = self._readable()
        try:
            return answer(query, self._folder, source, store, shared=bool(self._url))
        except OSError as error:
            raise SummaryError(f"summary: {error}") from error
        finally:
            if store is not None:
                store.close()

    def open_store(self) -> Store:
        """A store of its own connection."""
        if not self._url:
            return Store(Sqlite.open(self._folder))
        from ostiary_gateway.summaries.postgres import Postgres  # noqa: PLC0415 (10 MB that few sidecars need)

        return Store(Postgres.open(self._url))

    def follower(self, pause: Callable[[float], None] = lambda _: None) -> Follower:
        return Follower(self._folder, self.open_store, pause)

    def catch_up(self) -> None:
        """Add up all that the ledger has, unless another process is at it.

        Raises:
            SummaryError: the store cannot be written.
        """
        if not listed(self._folder):
            return
        try:
            with alone(self._folder) as free, closing(self.follower()) as follower:
                while free and follower.step():
                    pass
        except OSError as error:
            raise SummaryError(f"summary: {error}") from error

    def rebuild(self) -> None:
        """Forget what this ledger added and read it again from its beginning.

        Raises:
            SummaryError: another process adds it up, or the store cannot be written.
        """
        try:
            with alone(self._folder) as free:
                if not free:
                    raise SummaryError("summary: the sidecar adds this ledger up; stop it first")
                self._forget()
        except OSError as error:
            raise SummaryError(f"summary: {error}") from error
        self.catch_up()

    def _readable(self) -> Store | None:
        """None: the ledger has to do without sums, for there are none, or their file cannot be opened here."""
        if self._url:
            return self.open_store()
        if not (self._folder / FILE).exists():
            return None
        with suppress(SummaryError):
            return self.open_store()
        return None

    def _forget(self) -> None:
        if self._url:
            with closing(self.open_store()) as store:
                store.forget(identified(self._folder))
            return
        for ending in ("", "-wal", "-shm"):  # whatever is wrong with it
            (self._folder / f"{FILE}{ending}").unlink(missing_ok=True)
