"""Who used what, added up by the hour, from the committed ledger.

`tail` reads the ledger up to its committed end, `fold` adds lines up, `store` keeps the sums (`sqlite` beside the ledger or
`postgres` for several replicas), `follower` moves them there exactly once, `report` answers queries.
"""

from ostiary_gateway.summaries.query import Item, Page, Query, QueryError, moment
from ostiary_gateway.summaries.service import Summaries
from ostiary_gateway.summaries.values import SummaryError

__all__ = ["Item", "Page", "Query", "QueryError", "Summaries", "SummaryError", "moment"]
