"""What a model costs, as people state it: US dollars as decimal text, empty where not stated."""

import msgspec


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Prices of a request whose input is longer than `above_input_tokens`; what is empty costs what it does below."""

    above_input_tokens: int
    input: str = ""
    output: str = ""
    cache_read: str = ""
    cache_write: str = ""


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Per million tokens, but `image` and `request`: each one.

    An empty `cache_read`, `cache_write` or `input_audio` costs what input does, an empty `reasoning` or `output_audio` what
    output does. `batch_discount` is a share: 0.5 is half.
    """

    input: str = ""
    output: str = ""
    cache_read: str = ""
    cache_write: str = ""
    reasoning: str = ""
    input_audio: str = ""
    output_audio: str = ""
    image: str = ""
    request: str = ""
    batch_discount: str = ""
    tiers: tuple[Tier, ...] = ()


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of a price list. `model` is a pattern over `<prefix>/<provider model>` with `*`; the longest literal wins."""

    model: str
    price: Price


class PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file of prices that a user mounts (setting `prices`). `version` is told in each ledger record."""

    version: str
    currency: str = "USD"
    prices: tuple[Listed, ...] = ()
