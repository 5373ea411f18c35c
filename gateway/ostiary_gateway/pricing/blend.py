"""One number for "how dear is it": US dollars per million tokens, three parts input to one part output.

Three to one is the share that vendors' comparisons use; it is for ordering targets, never for a bill.
"""

from decimal import Decimal
from functools import lru_cache

from ostiary_gateway.contract.price import Price
from ostiary_gateway.contract.record import Usage
from ostiary_gateway.pricing import published, stated
from ostiary_gateway.pricing.rates import Rates

UNKNOWN = -1.0
_INPUT, _OUTPUT = 750, 250  # tokens: what the first tier of a tiered price covers everywhere
_REMEMBERED = 16384  # (type, model, host) of one bundle; 1,000 Models with 10 backends each fit
_AT_MS = int(published.DAY.timestamp() * 1000)


def blended(provider_type: str, provider_model: str, price: Price | None = None, *, host: str = "") -> float:
    """US dollars per million tokens of this mix, -1.0 where nobody knows.

    The price of the manifest comes first. Else the published price counts: of the vendor that `provider_type` names, for
    `openai-compatible` of the one whose API is at `host`.
    """
    given = _stated(price) if price else None
    return given if given is not None else _published(provider_type, provider_model, host)


def _stated(price: Price) -> float | None:
    try:
        rates = stated.rates(price, "model")
    except stated.PriceError:
        return None
    return float(_mix(rates)) if rates and (price.input or price.output) else None


@lru_cache(maxsize=_REMEMBERED)
def _published(provider_type: str, provider_model: str, host: str) -> float:
    rates = published.find(provider_type, provider_model, f"https://{host}" if host else "")
    mixed = _mix(rates) if rates else None
    return float(mixed) if mixed else UNKNOWN  # nothing per token: a free tier tells nothing of what it costs to host


def _mix(rates: Rates) -> Decimal:
    return rates.cost(Usage(input_tokens=_INPUT, output_tokens=_OUTPUT), at_ms=_AT_MS) * 1000
