"""State that must survive: how far the spool is in the ledger, and which ids are."""

from ostiary_gateway.store.seen import Ranges, Seen
from ostiary_gateway.store.state import Epoch, Place, Progress, Read, State

__all__ = ["Epoch", "Place", "Progress", "Ranges", "Read", "Seen", "State"]
