"""A model that clients may name, as the document holds it: where its requests go, and what happens when one fails.

Names and semantics are behaviour.md 2.2 and 2.3 (PL-). Durations are milliseconds; 0 is "the gateway's own default".
"""

from typing import Literal

import msgspec

from ostiary_gateway.contract.price import Price

Strategy = Literal["same_model", "same_provider", "different_provider"]
Selection = Literal["priority", "weighted", "cost", "latency", "balanced", "quality"]
Scope = Literal["model", "provider"]
Reach = Literal["request", "global"]


class StatusRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`codes` are ranges, both ends included; the first rule that holds a status counts."""

    codes: tuple[tuple[int, int], ...]
    strategy: Strategy
    max_attempts: int


class TimeoutRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    strategy: Strategy
    max_attempts: int


class LatencyRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Strictly more than `threshold_ms` triggers; the slow answer is delivered and feeds the block state (PL-06)."""

    threshold_ms: int
    strategy: Strategy
    max_attempts: int
    measure: Literal["ttfb", "total"] = "ttfb"
    block_ms: int = 300_000
    scope: Scope = "model"
    apply_to: Reach = "global"
    min_triggers: int = 1
    window_ms: int = 60_000


class Backoff(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Before retry n: min(base * 2^(n-1), max), times 0.5 to 1.0 with jitter (PL-03)."""

    apply_to: Literal["same_model", "same_provider", "global"]
    base_ms: int = 100
    max_ms: int = 5000
    jitter: bool = True


class RetryAfter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    scope: Scope = "model"
    apply_to: Reach = "global"
    max_ms: int = 300_000


class RetryPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`fallbacks` are places in the model's backends, tried before the others. `max_attempts` counts retries only."""

    fallbacks: tuple[int, ...] = ()
    default_strategy: Strategy = "different_provider"
    default_max_attempts: int = 2
    on_status_codes: tuple[StatusRule, ...] = ()
    on_timeout: TimeoutRule | None = None
    on_high_latency: LatencyRule | None = None
    backoff: Backoff | None = None
    retry_after: RetryAfter = RetryAfter()
    max_duration_ms: int = 0  # from the first retry on, planned waits included; 0 is no limit


class Breaker(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Opens after `failures` in a row (5xx, timeouts, connection errors; never 4xx), lets one through after `open_ms`."""

    failures: int = 5
    open_ms: int = 300_000
    warm_up_ms: int = 30_000  # how long a recovered backend's share grows to its full size


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`attempt_ms`: one try as a whole, while nothing of it was sent; `request_ms`: everything, streaming included."""

    attempt_ms: int = 0
    first_byte_ms: int = 0
    between_bytes_ms: int = 0
    request_ms: int = 0


class ModelBackend(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`provider` is a prefix of the document's providers. Of backends with the lowest `priority` number one is taken first."""

    provider: str
    model: str
    weight: int = 1
    priority: int = 0
    retry_only: bool = False  # named by retryPolicy.fallbackModels alone: never the first choice
    price: Price | None = None  # stated by the Model


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A named kind of request (PL-26). `backends` are places in the model's backends, best first."""

    name: str
    description: str
    backends: tuple[int, ...]
    keywords: tuple[str, ...] = ()
    prefer: Literal["none", "cheapest", "fastest"] = "none"


class Matcher(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who says which route a prompt belongs to: keyword rules, a scoring model, or one of the built-in classifiers."""

    type: Literal["keywords", "scorer", "general", "code"] = "keywords"
    provider: str = ""  # scorer: prefix of the provider that has it
    model: str = ""
    timeout_ms: int = 500
    mode: str = ""  # general: balanced, quality, cost, latency; code: auto, price, quality, agentic


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One link of the chain that a request passes before it goes anywhere (PL-29, PL-30).

    http: the body is posted to `url`; 200 goes on, with the body of the answer if it has one; 4xx stops the request with a
    FilterChainError of that status; anything else is a failure. patterns: finds `patterns` (names of
    `ostiary_gateway.filters.patterns`) and redacts or rejects. jailbreak: a scorer (`provider`, `model`, or keyword rules
    without them) says how likely the prompt is an attack; from `threshold` on it is rejected with `message`.
    `on_failure` of a filter that cannot be asked or takes longer than `timeout_ms`: open goes on, closed answers 502 or 504
    (an HTTP filter's own 5xx as it is).
    """

    name: str
    type: Literal["http", "patterns", "jailbreak"]
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    timeout_ms: int = 1000
    on_failure: Literal["open", "closed"] = "closed"
    patterns: tuple[str, ...] = ()
    action: Literal["redact", "reject"] = "reject"
    provider: str = ""  # prefix of the provider that has the scorer
    model: str = ""
    threshold: float = 0.5
    message: str = ""


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What lists of models tell of one, beside what is known of its backends (GZ-22); 0 and empty are not stated."""

    context_length: int = 0
    description: str = ""
    modalities: tuple[str, ...] = ()


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`id` is `<namespace>/<name>` of the custom resource. `name` may hold `*`: then it is taken where nothing else fits."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()  # lower case
    backends: tuple[ModelBackend, ...] = ()
    selection: Selection = "priority"
    policy: RetryPolicy | None = None
    timeouts: Timeouts = Timeouts()
    keep_alive_ms: int = 0  # comments to a streaming client while the provider is silent
    max_request_bytes: int = 0
    max_output_tokens: int = 0
    routes: tuple[Route, ...] = ()
    matcher: Matcher | None = None
    filters: tuple[Filter, ...] = ()
    catalogue: Catalogue = Catalogue()
