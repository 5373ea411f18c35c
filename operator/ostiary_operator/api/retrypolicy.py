"""`spec.retryPolicy` of a Model: what happens when an attempt fails.

Names, defaults and limits are behaviour.md 2.2 in Kubernetes' manner: camelCase, units in the name.
"""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ostiary_operator.api import patterns
from ostiary_operator.api.fields import CEL, BackendName, cel, doc

Strategy = Literal["SameModel", "SameProvider", "DifferentProvider"]
Scope = Literal["Model", "Provider"]
Reach = Literal["Global", "Request"]
DEFAULT_WINDOW_SECONDS = 60
MOST_RETRIES = 8

_WHY_EIGHT = "At most 8: nginx follows 10 internal redirects for a request, and Ostiary needs two of them for itself."
RANGE_ORDER = cel(
    "type(self) == int || int(self.charAt(0)) * 100 + int(self.charAt(1)) * 10 + int(self.charAt(2)) <= "
    "int(self.charAt(4)) * 100 + int(self.charAt(5)) * 10 + int(self.charAt(6))",
    "a range must not end before it begins",
)
BACKOFF_ORDER = cel(
    "self.maxMilliseconds > self.baseMilliseconds", "maxMilliseconds must be greater than baseMilliseconds", ".maxMilliseconds"
)
TRIGGERS_NEED_WINDOW = cel(
    "self.minTriggers <= 1 || has(self.triggerWindowSeconds)",
    "minTriggers above 1 needs triggerWindowSeconds",
    ".triggerWindowSeconds",
)

Retries = Annotated[int, Meta(ge=0, le=MOST_RETRIES)]
AtLeastOneRetry = Annotated[int, Meta(ge=1, le=MOST_RETRIES)]
Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]
Duration = Annotated[int, Meta(ge=1, le=86_400)]  # seconds
StatusCodes = Annotated[int, Meta(ge=100, le=599)] | Annotated[str, Meta(pattern=patterns.STATUS_RANGE, max_length=7)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """A part of a policy."""


class StatusRule(_Part, frozen=True, kw_only=True):
    """What happens when a provider answers with one of these statuses."""

    codes: Annotated[
        tuple[Annotated[StatusCodes, Meta(extra_json_schema={CEL: [RANGE_ORDER]})], ...],
        Meta(min_length=1, max_length=32),
        doc('Statuses (429) and ranges of them with both ends ("502-504"), from 100 to 599.'),
    ]
    strategy: Annotated[Strategy, doc("Where the next attempt goes.")]
    max_attempts: Annotated[Retries, doc(f"Retries after the first attempt. {_WHY_EIGHT}")]


class TimeoutRule(_Part, frozen=True, kw_only=True):
    """What happens when a provider does not answer in time, or there is no connection."""

    strategy: Annotated[Strategy, doc("Where the next attempt goes.")]
    max_attempts: Annotated[AtLeastOneRetry, doc(f"Retries after the first attempt. {_WHY_EIGHT}")]


class LatencyRule(_Part, frozen=True, kw_only=True):
    """When an answer counts as too slow. It is delivered all the same; the next requests go elsewhere."""

    schema: ClassVar[dict[str, object]] = {CEL: [TRIGGERS_NEED_WINDOW]}

    threshold_milliseconds: Annotated[Milliseconds, doc("An answer that takes longer than this triggers.")]
    measure: Annotated[
        Literal["TimeToFirstByte", "Total"], doc("What is measured: the time to the first byte, or to the last.")
    ] = "TimeToFirstByte"
    strategy: Annotated[Strategy, doc("Where the next attempt goes if the slow one also timed out.")]
    max_attempts: Annotated[Retries, doc(f"Retries after the first attempt. {_WHY_EIGHT}")]
    block_duration_seconds: Annotated[Duration, doc("How long the slow one is left out.")] = 300
    scope: Annotated[Scope, doc("What is left out: this backend, or its whole Provider.")] = "Model"
    apply_to: Annotated[Reach, doc("For whom: every request of the gateway, or the rest of this one.")] = "Global"
    min_triggers: Annotated[
        Annotated[int, Meta(ge=1, le=1000)], doc("How many slow answers within the window it takes. Above 1 needs a window.")
    ] = 1
    trigger_window_seconds: Annotated[Duration | None, doc("Length of that sliding window; 60 where it is not used.")] = None


class Backoff(_Part, frozen=True, kw_only=True):
    """The wait before retry n: base * 2^(n-1), at most max, with jitter times 0.5 to 1.0."""

    schema: ClassVar[dict[str, object]] = {CEL: [BACKOFF_ORDER]}

    apply_to: Annotated[
        Literal["SameModel", "SameProvider", "Global"],
        doc("When it is waited: if the next attempt goes to the same backend, to the same Provider, or always."),
    ]
    base_milliseconds: Annotated[Milliseconds, doc("The first wait.")] = 100
    max_milliseconds: Annotated[Milliseconds, doc("The longest wait; greater than the first.")] = 5000
    jitter: Annotated[bool, doc("Spread the waits, so that not all come back at once.")] = True


class RetryAfterHandling(_Part, frozen=True, kw_only=True):
    """What a Retry-After header blocks. It is honoured without this part too, with these defaults."""

    scope: Annotated[Scope, doc("What is left out until then: this backend, or its whole Provider.")] = "Model"
    apply_to: Annotated[Reach, doc("For whom: every request of the gateway, or the rest of this one.")] = "Global"
    max_retry_after_seconds: Annotated[Duration, doc("A longer Retry-After counts as this.")] = 300


class RetryPolicy(_Part, frozen=True, kw_only=True):
    """What happens when an attempt fails. Without a policy the built-in one counts.

    That one goes on to the next backend at once on 401, 402, 403, 404, 502, 503 and 504.
    """

    fallback_models: Annotated[
        tuple[BackendName, ...],
        Meta(max_length=32),
        doc("Tried first, in this order: <provider prefix>/<model>. What is no backend of the Model serves for retries only."),
    ] = ()
    default_strategy: Annotated[Strategy, doc("For statuses that no rule names, and for timeouts without onTimeout.")] = (
        "DifferentProvider"
    )
    default_max_attempts: Annotated[
        Retries, doc(f"Retries after the first attempt, where no rule says how many. {_WHY_EIGHT}")
    ] = 2
    on_status_codes: Annotated[
        tuple[StatusRule, ...], Meta(max_length=16), doc("Rules by status; the first that names it counts.")
    ] = ()
    on_timeout: Annotated[TimeoutRule | None, doc("Rule for timeouts and connections that fail.")] = None
    on_high_latency: Annotated[LatencyRule | None, doc("Rule for answers that come, but too slowly.")] = None
    backoff: Annotated[Backoff | None, doc("Waits between attempts; without it there are none.")] = None
    retry_after_handling: Annotated[RetryAfterHandling | None, doc("What a Retry-After header blocks.")] = None
    max_retry_duration_milliseconds: Annotated[
        Milliseconds | None, doc("No retry begins later than this after the first one did, planned waits included.")
    ] = None
