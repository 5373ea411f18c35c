"""What a summary adds up, and by what."""

from decimal import Context, Decimal, Inexact, InvalidOperation

import msgspec

from ostiary_gateway.contract.record import Usage

UNKNOWN = "unknown"
"""Stands for what a record does not say."""

ZERO = Decimal(0)
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


class SummaryError(Exception):
    """The summary cannot be read or written; nothing has changed and the next try starts where this one did."""


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a summary needs of a ledger line. A line of another `kind` than request is no usage."""

    timestamp: str
    kind: str = "request"
    key_id: str = ""
    provider: str = ""
    owner: str = ""
    namespace: str = ""
    surface: str = ""
    labels: dict[str, str] = {}
    model: str | None = None
    requested_model: str | None = None
    error_type: str | None = None
    usage: Usage = msgspec.field(default_factory=Usage)
    cost: Decimal | None = None
    charged: Decimal | None = None


class Who(msgspec.Struct, frozen=True, order=True):
    """Whose usage, and of what. `labels` is a JSON object with sorted names."""

    key: str = UNKNOWN
    model: str = UNKNOWN
    provider: str = UNKNOWN
    owner: str = UNKNOWN
    namespace: str = UNKNOWN
    surface: str = UNKNOWN
    labels: str = "{}"


class Sums(msgspec.Struct):
    """Of one group.

    `uncounted` are requests of which no token count is known, `unpriced` those with tokens, but without a price. `cost` is what
    providers take, `charged` what the accounts were charged, in US dollars. `last` is when the last request ended.
    """

    requests: int = 0
    errors: int = 0
    uncounted: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Decimal = ZERO
    charged: Decimal = ZERO
    last: str = ""

    def take(self, line: Line) -> None:
        """Add one request.

        Raises:
            ArithmeticError: its money is none; nothing has changed.
        """
        cost = self.cost if line.cost is None else added(self.cost, line.cost)
        charged = self.charged if line.charged is None else added(self.charged, line.charged)
        usage = line.usage
        inputs, outputs = usage.input_tokens, usage.output_tokens
        counted = inputs is not None or outputs is not None
        self.requests += 1
        self.errors += line.error_type is not None
        self.uncounted += not counted
        self.input_tokens += inputs or 0
        self.output_tokens += outputs or 0
        self.cache_read_tokens += usage.cache_read_tokens or 0
        self.cache_write_tokens += usage.cache_write_tokens or 0
        self.reasoning_tokens += usage.reasoning_tokens or 0
        self.unpriced += counted and line.cost is None
        self.cost, self.charged = cost, charged
        self.last = max(self.last, line.timestamp)

    def add(self, other: "Sums") -> None:
        """Add another group."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.cost = added(self.cost, other.cost)
        self.charged = added(self.charged, other.charged)
        self.last = max(self.last, other.last)


_COUNTS = tuple(field.name for field in msgspec.structs.fields(Sums) if field.type is int)


def added(one: Decimal, other: Decimal) -> Decimal:
    """The exact sum: no digit is rounded away, however small."""
    return _EXACT.add(one, other)


def plain(amount: Decimal) -> str:
    """As decimal text without an exponent and without zeros at its end."""
    text = format(amount, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
