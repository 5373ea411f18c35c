"""One number for "how dear is it": US dollars per million tokens, three parts input to one part output.

Three to one is the share that vendors' comparisons use; it is for ordering targets, never for a bill.
"""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from ostiary_gateway.pricing import published

UNKNOWN = -1.0
_INPUT_PARTS = 3
_OUTPUT_PARTS = 1
_REMEMBERED = 16384  # (type, model, host) pairs of one bundle; 1,000 Models with 10 backends each fit


def blended(provider_type: str, provider_model: str, input_price: str, output_price: str, *, host: str = "") -> float:
    """US dollars per million tokens of this mix, -1.0 where nobody knows.

    Prices of the manifest (decimal text, US dollars per million tokens) come first; one alone stands for both. Else the
    published price counts: of the vendor that `provider_type` names, for `openai-compatible` of the one whose API is at `host`.
    """
    given = _mix(_price(input_price), _price(output_price))
    return given if given is not None else _published(provider_type, provider_model, host)


@lru_cache(maxsize=_REMEMBERED)
def _published(provider_type: str, provider_model: str, host: str) -> float:
    prices = published.find(provider_type, provider_model, host)
    mixed = _mix(*prices) if prices else None
    return UNKNOWN if mixed is None else mixed


def _mix(into: Decimal | None, out: Decimal | None) -> float | None:
    if into is None and out is None:
        return None
    first = out if into is None else into
    second = into if out is None else out
    if first is None or second is None:
        return None
    return float((first * _INPUT_PARTS + second * _OUTPUT_PARTS) / (_INPUT_PARTS + _OUTPUT_PARTS))


def _price(text: str) -> Decimal | None:
    try:
        price = Decimal(text)
    except InvalidOperation:
        return None
    return price if price.is_finite() and price >= 0 else None
