"""What another replica hears when it cries: also of accounts that nobody has asked this process for since it began."""

import asyncio
import itertools
from decimal import Decimal

from ostiary_gateway.decide.index import Index
from ostiary_gateway.limits.terms import Limit, budget_limit, limits_of
from ostiary_gateway.server.accounts import Accounts
from ostiary_gateway.server.live import Live

_READY_SECONDS = 0.2
_TRIES = 3
_MOMENT = 0.004


class LoadingHolder:
    """Satisfies `Holder`."""

    def __init__(self, accounts: Accounts, live: Live) -> None:
        self._accounts = accounts
        self._live = live

    def claimed(self, account: str, period: str) -> int | None:
        return self._accounts.claimed(account, period)

    def settled(self, account: str, period: str) -> int | None:
        return self._accounts.used(account, period)

    async def give_back(self, account: str, period: str) -> bool:
        """As Holder; what the ledger and nginx know of the account is read where it was not yet."""
        index = self._live.index
        if not await self._accounts.ready(_READY_SECONDS) or index is None:
            return False
        if self._accounts.claimed(account, period) is None and (limit := limit_of(index, account)):
            self._accounts.get(limit)
        for _ in range(_TRIES):
            before = self._accounts.claimed(account, period)
            await self._accounts.give_back(account, period)
            if self._accounts.claimed(account, period) != before:
                break
            await asyncio.sleep(_MOMENT)  # what was granted just now is still on its way to nginx, there is nothing to await
        return True

    def month_cost(self, key_id: str, month: str) -> Decimal:
        return self._accounts.month_cost(key_id, month)


def limit_of(index: Index, account: str) -> Limit | None:
    """The limit whose account this is, by this index."""
    fold = account.rpartition("#")[0]
    kind, _, name = fold.partition("/")
    if kind == "budget":
        budget = index.budgets.get(name)
        return budget_limit(fold, budget) if budget else None
    for key_id in itertools.accumulate(name.split("/"), lambda path, part: f"{path}/{part}"):
        key = index.key(key_id)
        found = limits_of(key_id, key.terms, index.budgets, name[len(key_id) + 1 :]) if key else ()
        if limit := next((one for one in found if one.account == account), None):
            return limit
    return None
