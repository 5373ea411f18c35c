"""What the endpoints need of a ledger."""

from typing import Protocol

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
