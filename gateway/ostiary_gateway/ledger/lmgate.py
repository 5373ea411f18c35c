"""The ledger as LMGate wrote it: ten fields, one JSON object per line (behaviour 1.4)."""

import msgspec

from ostiary_gateway.contract.record import Usage
from ostiary_gateway.usage import REPLY_LIMIT


class Row(msgspec.Struct, frozen=True):
    """What LMGate's line needs of a record."""

    timestamp: str
    key_id: str
    provider: str
    endpoint: str
    status: int
    model: str | None = None
    usage: Usage = msgspec.field(default_factory=Usage)
    masked_key: str = ""
    error_type: str | None = None
    response_bytes: int = 0


class Line(msgspec.Struct, frozen=True):
    """LMGate's fields in LMGate's order."""

    timestamp: str
    lmgate_id: str
    provider: str
    endpoint: str
    model: str | None
    status: int
    input_tokens: int | None
    output_tokens: int | None
    masked_key: str
    error_type: str | None


def translate(row: Row) -> Line:
    """LMGate looked into 2 MiB of a reply at most and knew nothing of larger ones (LM-15); the ledger itself does."""
    known = row.response_bytes <= REPLY_LIMIT
    return Line(
        timestamp=row.timestamp,
        lmgate_id=row.key_id,
        provider=row.provider,
        endpoint=row.endpoint,
        model=row.model if known else None,
        status=row.status,
        input_tokens=row.usage.input_tokens if known else None,
        output_tokens=row.usage.output_tokens if known else None,
        masked_key=row.masked_key,
        error_type=row.error_type,
    )
