"""What one provider model costs, with where that is known from."""

from decimal import Decimal
from typing import Protocol

from ostiary_gateway.contract.record import Usage
from ostiary_gateway.pricing.table import Ceiling, Table, row


class Rates(Protocol):
    """Immutable. `source` is model, list, genai-prices or default; `version` tells which edition of it."""

    @property
    def source(self) -> str: ...
    @property
    def version(self) -> str: ...

    def cost(self, usage: Usage, *, at_ms: int = 0, batch: bool = False) -> Decimal:
        """US dollars, exactly.

        Args:
            usage: what is not known of it costs nothing.
            at_ms: Unix time of the request: some prices have a date or an hour on them.
            batch: it was part of a batch, which some providers do for less.
        """
        ...

    def ceiling(self, now_ms: int) -> Ceiling:
        """The most it may cost from now on for a day."""
        ...


class Fixed:
    """Prices that are the same at all times."""

    __slots__ = ("_batch", "_ceiling", "_table", "source", "version")

    def __init__(self, source: str, version: str, table: Table, batch: Table | None = None) -> None:
        self.source = source
        self.version = version
        self._table = table
        self._batch = batch or table
        self._ceiling = table.ceiling()

    def cost(self, usage: Usage, *, at_ms: int = 0, batch: bool = False) -> Decimal:  # noqa: ARG002 - the same at all times
        return (self._batch if batch else self._table).cost(usage)

    def ceiling(self, now_ms: int) -> Ceiling:  # noqa: ARG002 - the same at all times
        return self._ceiling


_DEFAULT = Decimal("0.00002")
DEFAULT: Rates = Fixed("default", "", Table.of([row(-1, {"input": _DEFAULT, "output": _DEFAULT})]))
"""GZ-11: what a model costs whose price nobody knows, where a key's terms say so."""
