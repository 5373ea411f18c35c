"""`spec.limits` of an ApiKey: how much in any second, minute, hour or day, and how much at once. 0 is no limit."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ostiary_operator.api.fields import doc

OnUnpriced = Literal["Reject", "Allow", "Default"]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]
Slots = Annotated[int, Meta(ge=0, le=1_000_000)]


class LimitsError(ValueError):
    """A text is no `spec.limits`."""


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """At most so many within any window of this length. 0, or left out: no limit."""

    per_second: Annotated[Count, doc("Within any second.")] = 0
    per_minute: Annotated[Count, doc("Within any minute.")] = 0
    per_hour: Annotated[Count, doc("Within any hour.")] = 0
    per_day: Annotated[Count, doc("Within any 24 hours.")] = 0


class ModelLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """The same for each model on its own."""

    requests: Annotated[Rate | None, doc("Requests.")] = None
    tokens: Annotated[Rate | None, doc("Tokens, input and output together.")] = None
    input_tokens: Annotated[Rate | None, doc("Input tokens.")] = None
    output_tokens: Annotated[Rate | None, doc("Output tokens.")] = None
    concurrent_requests: Annotated[Slots, doc("Requests at once. 0: no limit.")] = 0


class Limits(ModelLimits, frozen=True, kw_only=True):
    """How much the key may use. Refused requests count for nothing."""

    per_model: Annotated[ModelLimits | None, doc("For each model on its own, beside the key's limits as a whole.")] = None


def parse_limits(text: str) -> Limits | None:
    """`spec.limits` as JSON, None for an empty text.

    Raises:
        LimitsError: it is no such thing.
    """
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=Limits)
    except msgspec.DecodeError as error:
        raise LimitsError(str(error).replace("`", "")) from error
