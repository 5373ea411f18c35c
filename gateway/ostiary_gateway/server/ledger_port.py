"""What the endpoints need of a ledger."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any, Protocol

from ostiary_gateway.contract.record import Record


class Counts(Protocol):
    """`lost` is kept over restarts, the others count since this process started."""

    @property
    def lost(self) -> int: ...
    @property
    def malformed(self) -> int: ...


class LedgerPort(Protocol):
    """`problem` and `spool_problem` are empty while records can be written and read."""

    @property
    def problem(self) -> str: ...
    @property
    def spool_problem(self) -> str: ...
    @property
    def lag_seconds(self) -> float: ...
    @property
    def counts(self) -> Counts: ...

    def submit(self, record: Record) -> bool:
        """Queue a record that does not come from the spool; False where the queue is full and it was dropped."""
        ...


class Sums(Protocol):
    """Folds of the ledger as of its last commit. Quarters are Unix seconds // 900."""

    def at_once(self) -> AbstractContextManager[Any]:
        """Within it all answers are of one commit."""
        ...

    def sequence(self) -> int: ...
    def spent(self, account: str, since: int, before: int = ...) -> tuple[Decimal, int, int]: ...
    def settled(self, epoch: str, name: str) -> Mapping[str, int]: ...
    def truths(self, name: str) -> Mapping[str, int]: ...
    def last_used(self) -> Mapping[str, int]: ...


class SumsPort(Protocol):
    """A ledger whose sums can be asked for once it is open."""

    @property
    def sums(self) -> Sums: ...
    @property
    def lag_seconds(self) -> float: ...

    async def opened(self) -> None: ...
