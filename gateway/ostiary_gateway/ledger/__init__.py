"""From spool lines to ledger records, exactly once.

`spool` reads what nginx appended, `line` says what a line means, `book` owns the ledger's files, `pump` moves one batch
and commits it, `losses` counts what never arrived, `service` runs it all beside the event loop. `reader`, `summary` and
`lmgate` are for people.
"""

from ostiary_gateway.ledger.service import Counts, Ledger

__all__ = ["Counts", "Ledger"]
