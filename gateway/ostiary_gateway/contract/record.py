"""The ledger record: one per proxied request, one JSON object per line.

The JSON Schema `gateway/ledger-record.schema.json` is generated from this and checked in tests. No field ever holds content of
a prompt or an answer, nor a whole key.
"""

from typing import Literal

import msgspec

VERSION = 2

Ended = Literal["completed", "client_closed", "upstream_failed", "worker_lost"]
UsageSource = Literal["provider", "partial", "estimated", "none"]


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens of one reply, as OpenTelemetry's GenAI conventions count them.

    Input includes what was read from or written to a cache, output includes reasoning; both include audio and images.
    `cache_write_1h_tokens` are those of `cache_write_tokens` that are kept for an hour. `None` is unknown, 0 is none.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    images: int | None = None  # pictures made, where a provider counts them
    cache_write_1h_tokens: int | None = None
    input_image_tokens: int | None = None
    output_image_tokens: int | None = None
    web_searches: int | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at a backend. Times in milliseconds from the start of this try; `status` 0: no answer.

    `waited_ms` went by before it (backoff, Retry-After). `error_type` is empty for the try whose answer was delivered.
    `address` is empty where the guard carried it out.
    """

    provider: str
    model: str = ""  # as it was sent to the provider; empty on pass-through
    error_type: str = ""  # http_<status>, timeout_<n>ms, connection_error, as in the exhaustion error; not_expressible
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
    kind: Literal["request"] = "request"
    labels: dict[str, str] = msgspec.field(default_factory=dict)  # of the ApiKey
    budgets: tuple[str, ...] = ()  # accounts beside the key's own that it is charged to: budget/<id>
    cost: str | None = None  # decimal, what the provider takes for it; null where no price is known
    charged: str | None = None  # decimal, what the accounts are charged; `cost` but for duplicates and failures
    currency: str = "USD"
    price_source: str | None = None  # model | list | genai-prices | default; null where no price is known
    price_version: str | None = None
    idempotency_key: str | None = None  # the client's own Idempotency-Key or x-request-id
    duplicate_of: str | None = None  # id of the record that was charged for it (GZ-08)
    tokenizer: str | None = None  # where counts were estimated: what counted
    held: dict[str, int] = msgspec.field(default_factory=dict)  # purse key -> what the data plane had taken for it


PostingKind = Literal["credit", "grant", "refund", "adjustment"]


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """A ledger line that no request made: money that is given or taken. Goes through the same writer and fold.

    `account` is `key/<key id>` or `budget/<id>`. A positive `amount` (decimal, `currency`) gives: it lowers what counts as spent.
    """

    version: int = VERSION
    kind: PostingKind
    id: str
    timestamp: str
    account: str
    amount: str
    currency: str = "USD"
    reason: str
    actor: str
