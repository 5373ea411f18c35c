"""Which kind of account a limit has, and what it is filled with when it is first asked for."""

from collections.abc import Mapping

from ostiary_gateway.limits.accounts import Account, Slots, parse_purse_key
from ostiary_gateway.limits.balances import Balance
from ostiary_gateway.limits.terms import Limit
from ostiary_gateway.limits.windows import Window


def open_account(limit: Limit, now_ms: int) -> Account:
    """An account of which nothing is known yet."""
    if limit.unit in "mk":
        return Balance(limit, now_ms)
    return Slots(limit) if limit.unit == "c" else Window(limit)


def restore(account: Account, seen: Mapping[str, tuple[int, int]], settled: Mapping[str, int], truths: Mapping[str, int]) -> None:
    """Fill an account from what nginx (granted and taken back ever) and the ledger know of its purses, all by purse key."""
    for key in {*seen, *settled, *truths}:
        slot = parse_purse_key(key)[1]
        granted, back = seen.get(key, (0, 0))
        account.restore(slot, granted=granted, back=back, settled=settled.get(key, 0), truth=truths.get(key, 0))
