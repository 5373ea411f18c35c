"""What one replica may use of a limit that several replicas share."""

from typing import Protocol


class Allowances(Protocol):
    """Units are those of the account (nanodollars for money). What is allowed includes what was used and is reserved.

    `mode` is local or valkey; `problem` says why replicas do not hear of each other; `bound` says how limits hold.
    """

    @property
    def mode(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def bound(self) -> str: ...

    def allowed(self, account: str, period: str, limit: int) -> int:
        """What this replica may use as far as it knows now. Asks nobody.

        Args:
            account: as in a purse's name: `key/<key id>#requests/minute`.
            period: of a budget, as `periods.Span.name`; empty for rates and slots.
            limit: of all replicas together.
        """
        ...

    def within(self, account: str, period: str, limit: int) -> int:
        """What it might be allowed at most: the limit without what others are known to have used. For telling clients."""
        ...

    def used_elsewhere(self, account: str, period: str) -> int:
        """What other replicas have used of it by their ledgers, as far as they told: what they can not give back.

        Where each has its part (`mode` is local), it is no concern of this one.
        """
        ...

    async def raise_to(self, account: str, period: str, limit: int, wanted: int, used: int) -> int:
        """Ask for more: so that `wanted` is allowed where `used` of it is used or reserved already.

        Returns: what is allowed now, which may be less. Never an error.
        """
        ...


class LocalAllowances:
    """Without a store between them, each replica has its part: exact on one, and never above the limit on many."""

    mode = "local"
    problem = ""

    def __init__(self, replicas: int = 1, ordinal: int = 0) -> None:
        """`ordinal` is this replica's number from 0; the first ones get what cannot be divided."""
        self._replicas = replicas
        self._ordinal = ordinal

    @property
    def bound(self) -> str:
        if self._replicas == 1:
            return "exact: one replica, never above the limit"
        return f"never above the limit; each of {self._replicas} replicas grants its part of it"

    def allowed(self, account: str, period: str, limit: int) -> int:  # noqa: ARG002 - the same part of each
        part, rest = divmod(limit, self._replicas)
        return part + (self._ordinal < rest)

    def within(self, account: str, period: str, limit: int) -> int:
        return self.allowed(account, period, limit)

    def used_elsewhere(self, account: str, period: str) -> int:  # noqa: ARG002
        return 0

    async def raise_to(self, account: str, period: str, limit: int, wanted: int, used: int) -> int:  # noqa: ARG002
        return self.allowed(account, period, limit)
