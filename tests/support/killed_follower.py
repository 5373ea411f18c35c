"""A follower that is killed before each statement it sends to its database: `python -m tests.support.killed_follower FOLDER URL`.

Prints how often it was killed until it came through.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, closing
from itertools import count
from pathlib import Path
from typing import Any

from ostiary_gateway.summaries import Summaries
from ostiary_gateway.summaries.follower import Follower
from ostiary_gateway.summaries.store import Database, Store

_COMMIT_BYTES = 1  # each chunk on its own


class Mortal:
    """Passes everything on, until its time has come."""

    def __init__(self, database: Database, before: Callable[[], None]) -> None:
        self._database = database
        self._before = before
        self.dialect = database.dialect

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self._before()
        return self._database.ask(statement, values)

    def write(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        self._before()
        self._database.write(statement, rows)
        self._before()

    def transaction(self, *, write: bool) -> AbstractContextManager[None]:
        return self._database.transaction(write=write)

    def close(self) -> None:
        self._database.close()


def follow(summaries: Summaries, folder: Path, life: int) -> None:
    """Follow to the end, or to the statement with this number."""
    left = iter(range(life))

    def before() -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    def opened() -> Store:
        return Store(Mortal(summaries.open_store().database, before))

    with closing(Follower(folder, opened, commit_bytes=_COMMIT_BYTES, chunk=2000)) as follower:
        while follower.step():
            pass


def main() -> None:
    folder = Path(sys.argv[1])
    summaries = Summaries(folder, *sys.argv[2:])
    for life in count():
        child = os.fork()
        if not child:
            follow(summaries, folder, life)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            print(life)
            return
        assert os.WTERMSIG(status) == signal.SIGKILL, status


if __name__ == "__main__":
    main()
