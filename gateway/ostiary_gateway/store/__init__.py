"""State that must survive: how far the spool is in the ledger, which ids are, and what was used."""

from ostiary_gateway.store.counters import NOTHING, Settlements, Spent
from ostiary_gateway.store.seen import Ranges, Seen
from ostiary_gateway.store.state import Epoch, Place, Progress, Read, State
from ostiary_gateway.store.sums import Sums, committed

__all__ = [
    "NOTHING", "Epoch", "Place", "Progress", "Ranges", "Read", "Seen", "Settlements", "Spent", "State", "Sums", "committed",
]  # fmt: skip
