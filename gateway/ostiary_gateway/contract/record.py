"""The ledger record: one per proxied request, one JSON object per line.

The JSON Schema `gateway/ledger-record.schema.json` is generated from this and checked in tests. No field ever holds content of
a prompt or an answer, nor a whole key.
"""

from typing import Literal

import msgspec

VERSION = 1

Ended = Literal["completed", "client_closed", "upstream_failed", "worker_lost"]
UsageSource = Literal["provider", "partial", "estimated", "none"]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one reply, as OpenTelemetry's GenAI conventions count them.

    Input includes what was read from or written to a cache, output includes reasoning. `None` is unknown, 0 is none.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at a backend. Times in milliseconds from the start of this try; `status` 0: no answer.

    `waited_ms` went by before it (backoff, Retry-After). `error_type` is empty for the try whose answer was delivered.
    `address` is empty where the guard carried it out.
    """

    provider: str
    model: str = ""  # as it was sent to the provider; empty on pass-through
    error_type: str = ""  # http_<status>, timeout_<n>ms, connection_error, as in the exhaustion error
    waited_ms: int = 0
    address: str
    status: int
    connect_ms: float | None = None
    first_byte_ms: float | None = None
    duration_ms: float | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Who used what, and how it ended."""

    version: int = VERSION
    id: str  # unique for ever: given by the data plane when it accepts the request
    request_id: str  # x-request-id: the caller's own if it is well-formed
    timestamp: str  # RFC 3339 UTC with milliseconds: when the request ended
    key_id: str
    key_version: str = "1"
    key_name: str = ""
    namespace: str = ""
    owner: str = ""
    masked_key: str = ""  # LM-23: the last 6 characters
    surface: str  # managed | pass_through | external (POST /stats)
    method: str
    endpoint: str  # request URI with prefix and query, values of credential-like query parameters redacted
    provider: str
    requested_model: str | None = None
    resolved_model: str | None = None  # name of the Model that the request was planned by
    route: str | None = None  # the route that its prompt was matched to
    model: str | None = None  # as the reply names it
    status: int
    ended: Ended
    error_type: str | None = None  # closed list, see ARCHITECTURE.md
    stream: bool = False
    usage_source: UsageSource = "none"
    usage: Usage = msgspec.field(default_factory=Usage)
    attempts: tuple[Attempt, ...] = ()
    request_bytes: int = 0
    response_bytes: int = 0
    duration_ms: float = 0.0
    first_byte_ms: float | None = None
