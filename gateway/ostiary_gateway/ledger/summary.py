"""Who used what: records added up by one of their fields."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from ostiary_gateway.contract.record import Usage

By = Literal["key", "model", "provider", "owner"]
UNKNOWN = "unknown"


class Row(msgspec.Struct, frozen=True):
    """What a summary needs of a record."""

    timestamp: str
    key_id: str
    provider: str
    owner: str = ""
    model: str | None = None
    requested_model: str | None = None
    error_type: str | None = None
    usage: Usage = msgspec.field(default_factory=Usage)


class Total(msgspec.Struct):
    """Sums of one group. `uncounted`: requests of which no token count is known."""

    name: str
    requests: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    reasoning_tokens: int = 0
    uncounted: int = 0
    last: str = ""


def summarise(rows: Iterable[Row], by: By) -> list[Total]:
    """Totals, the largest number of tokens first; memory grows with the groups only."""
    totals: dict[str, Total] = {}
    for row in rows:
        name = _name(row, by)
        total = totals.get(name)
        if total is None:
            total = totals[name] = Total(name)
        _add(total, row)
    return sorted(totals.values(), key=lambda total: (-total.input_tokens - total.output_tokens, total.name))


def _name(row: Row, by: By) -> str:
    match by:
        case "key":
            return row.key_id or UNKNOWN
        case "model":
            return row.model or row.requested_model or UNKNOWN
        case "provider":
            return row.provider or UNKNOWN
        case "owner":
            return row.owner or UNKNOWN


def _add(total: Total, row: Row) -> None:
    usage = row.usage
    total.requests += 1
    total.errors += row.error_type is not None
    total.input_tokens += usage.input_tokens or 0
    total.output_tokens += usage.output_tokens or 0
    total.cache_read_tokens += usage.cache_read_tokens or 0
    total.reasoning_tokens += usage.reasoning_tokens or 0
    total.uncounted += usage.input_tokens is None and usage.output_tokens is None
    total.last = max(total.last, row.timestamp)
