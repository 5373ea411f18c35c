"""A lease: how nginx's purses are filled. One question and one answer for all that a request lacks."""

import msgspec

from ostiary_gateway.contract.decision import Refusal
from ostiary_gateway.contract.dialect import Dialect

ROUND = 2**51
"""What was ever granted into a purse, and ever taken back out of it, are told by nginx modulo this, or somewhat beyond it:
numbers there are doubles, and these two only grow."""


class Need(msgspec.Struct, frozen=True, array_like=True):
    """A purse that could not pay. `slot` is 0 where it has none."""

    purse: str
    slot: int
    amount: int


class LeaseAsk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /lease` on sidecar.sock: what one request lacks, all of it at once.

    `needs` are in the order of the decision's purses. `returns` are (purse, slot, back) of slots that are over, and were
    drained by nginx: `back` is what was ever taken back of that slot. `key`, `target` and `dialect` are those of the Ask. `body`
    is the request's body where a finer estimate may still let it through (money or tokens are short), else empty.
    """

    key: str
    surface: str
    target: str
    model: str = ""  # as in the Ask
    dialect: Dialect = "chat"
    needs: tuple[Need, ...]
    returns: tuple[Need, ...] = ()
    body: str = ""


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """`amount` is for the request that asked (its need, or less after a finer estimate), `extra` goes into the purse.

    `limit`, `beyond` and `reset_ms` are for headers: the limit, what the account has left beyond this purse, and when (Unix ms)
    all of it will be there again.
    """

    purse: str
    slot: int
    amount: int
    extra: int
    limit: int
    beyond: int
    reset_ms: int


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """Why not. `hold_ms`: so long nginx may say the same to whoever needs as much of this purse. 0 is not at all."""

    refusal: Refusal
    purse: str
    retry_after_ms: int  # 0: trying again is of no use (`x-should-retry: false`)
    hold_ms: int = 0
    limit: int = 0
    reset_ms: int = 0


class Lease(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer: a grant for each need, or the one shortage for which nothing at all was granted."""

    grants: tuple[Grant, ...] = ()
    shortage: Shortage | None = None
