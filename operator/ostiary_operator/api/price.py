"""What a model costs, in US dollars, as people write it: decimal numbers in quotes."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from ostiary_operator.api.fields import CEL, Decimal, cel, doc

TIERS_ONCE = cel(
    "!has(self.tiers) || self.tiers.all(t, self.tiers.exists_one(o, o.aboveInputTokens == t.aboveInputTokens))",
    "tiers must not begin at one size twice",
    ".tiers",
)
TIER_SAYS_SOMETHING = cel(
    "has(self.inputPerMillionTokens) || has(self.outputPerMillionTokens) || has(self.cachedInputPerMillionTokens) || "
    "has(self.cacheWritePerMillionTokens)",
    "a tier must say at least one price",
)


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """Prices of a request whose input is longer; what is left out costs what it does below."""

    schema: ClassVar[dict[str, object]] = {CEL: [TIER_SAYS_SOMETHING]}

    above_input_tokens: Annotated[Annotated[int, Meta(ge=1, le=100_000_000)], doc("Input tokens that a request must exceed.")]
    input_per_million_tokens: Annotated[Decimal | None, doc("For a million input tokens.")] = None
    output_per_million_tokens: Annotated[Decimal | None, doc("For a million output tokens.")] = None
    cached_input_per_million_tokens: Annotated[Decimal | None, doc("For a million input tokens read from a cache.")] = None
    cache_write_per_million_tokens: Annotated[Decimal | None, doc("For a million input tokens written to a cache.")] = None


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What a backend costs, in US dollars, as decimal numbers in quotes."""

    schema: ClassVar[dict[str, object]] = {CEL: [TIERS_ONCE]}

    input_per_million_tokens: Annotated[Decimal, doc("For a million input tokens.")]
    output_per_million_tokens: Annotated[Decimal, doc("For a million output tokens.")]
    cached_input_per_million_tokens: Annotated[
        Decimal | None, doc("For a million input tokens read from the provider's cache. By default what input costs.")
    ] = None
    cache_write_per_million_tokens: Annotated[
        Decimal | None, doc("For a million input tokens written to the provider's cache. By default what input costs.")
    ] = None
    reasoning_per_million_tokens: Annotated[
        Decimal | None, doc("For a million reasoning tokens. By default what output costs.")
    ] = None
    input_audio_per_million_tokens: Annotated[
        Decimal | None, doc("For a million input tokens of audio. By default what input costs.")
    ] = None
    output_audio_per_million_tokens: Annotated[
        Decimal | None, doc("For a million output tokens of audio. By default what output costs.")
    ] = None
    per_image: Annotated[Decimal | None, doc("For each image that is made.")] = None
    per_request: Annotated[Decimal | None, doc("For each request, beside its tokens.")] = None
    batch_discount_percent: Annotated[Annotated[int, Meta(ge=1, le=100)] | None, doc("So much less for requests of a batch.")] = (
        None
    )
    tiers: Annotated[tuple[Tier, ...], Meta(max_length=8), doc("Other prices for requests with a long input.")] = ()
