"""Prices as people state them (contract.price), in a Model or in a list."""

from decimal import Decimal
from itertools import chain

from ostiary_gateway.contract.price import Price, Tier
from ostiary_gateway.pricing.exact import EXACT, ZERO, decimal
from ostiary_gateway.pricing.rates import Fixed, Rates
from ostiary_gateway.pricing.table import Row, Table, row

_PER_MILLION = ("input", "output", "cache_read", "cache_write", "reasoning", "input_audio", "output_audio")
_EACH = ("image", "request")
_TIERED = ("input", "output", "cache_read", "cache_write")
_ONE = Decimal(1)


class PriceError(ValueError):
    """A price is no decimal number, or negative, or a discount above the whole."""


def rates(price: Price, source: str, version: str = "") -> Rates | None:
    """None where nothing is stated.

    Raises:
        PriceError: a price that cannot be one, named.
    """
    texts = {name: text for name in (*_PER_MILLION, *_EACH) if (text := getattr(price, name))}
    if not texts and not price.tiers:
        return None
    rows = [_row(-1, texts)]
    for tier in sorted(price.tiers, key=_above):
        texts |= {name: text for name in _TIERED if (text := getattr(tier, name))}
        rows.append(_row(tier.above_input_tokens, texts))
    table = Table.of(rows)
    discount = _amount("batch_discount", price.batch_discount) if price.batch_discount else ZERO
    if discount > _ONE:
        raise PriceError("batch_discount is a share of 1")
    return Fixed(source, version, table, table.times(_ONE - discount) if discount else None)


def _above(tier: Tier) -> int:
    return tier.above_input_tokens


def _row(above: int, texts: dict[str, str]) -> Row:
    """Of input and output one alone stands for both: a price that was forgotten must not make anything free."""
    millions = ((name, EXACT.scaleb(_amount(name, texts[name]), -6)) for name in _PER_MILLION if name in texts)
    each = ((name, _amount(name, texts[name])) for name in _EACH if name in texts)
    prices = dict(chain(millions, each))
    for name, other in (("output", "input"), ("input", "output")):
        if name not in prices and other in prices:
            prices[name] = prices[other]
    return row(above, prices)


def _amount(name: str, text: str) -> Decimal:
    value = decimal(text)
    if value is None:
        raise PriceError(f"{name}: {text!r} is no price")
    return value
