"""GZ-08: a request that a client sends again with the same idempotency key is charged once."""

from collections.abc import Callable

import msgspec

from ostiary_gateway.contract.record import Record
from ostiary_gateway.ledger import charge


class Repeats:
    """One batch's view. `staged` are requests that were charged in it, with when and as which record."""

    def __init__(self, charged: Callable[[bytes, int], str | None], window_ms: int) -> None:
        """Args: charged: id of the record that was charged for a fingerprint since a time, from batches before."""
        self._charged = charged
        self._window_ms = window_ms
        self.staged: dict[bytes, tuple[int, str]] = {}

    def checked(self, record: Record, at_ms: int) -> Record:
        """The record, with nothing charged where its request was charged already; one that was forgiven does not count."""
        if not record.idempotency_key or not self._window_ms or not charge.is_owed(record):
            return record
        fingerprint = charge.fingerprint(
            record.key_id, record.idempotency_key, record.endpoint, record.requested_model, record.request_bytes
        )
        first = self._first(fingerprint, at_ms)
        if first is None:
            self.staged[fingerprint] = at_ms, record.id
            return record
        return msgspec.structs.replace(record, charged="0", duplicate_of=first)

    def _first(self, fingerprint: bytes, at_ms: int) -> str | None:
        if known := self.staged.get(fingerprint):
            return known[1]
        return self._charged(fingerprint, at_ms - self._window_ms)
