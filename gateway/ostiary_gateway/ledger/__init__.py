"""From spool lines to ledger records, exactly once, and from records to sums.

`spool` reads what nginx appended, `line` says what a line means, `charge` what it costs, `estimate` counts where nobody did,
`repeats` knows requests that came before, `book` owns the ledger's files, `fold` adds up, `pump` moves one batch and commits
it, `losses` counts what never arrived, `service` runs it all beside the event loop. `recount` and `verify` count everything
anew. `reader`, `packed` and `lmgate` are for people.
"""

from ostiary_gateway.ledger.pump import LedgerError
from ostiary_gateway.ledger.service import Counts, Ledger
from ostiary_gateway.store import Settlements, Spent

__all__ = ["Counts", "Ledger", "LedgerError", "Settlements", "Spent"]
