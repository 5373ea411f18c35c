"""Prices that vendors publish, from the data inside the `genai-prices` package: no network, a fixed day.

The package is imported at the first question (0.2 s, 31 MB), so a gateway whose targets all have prices of their own, or that
never chooses between targets, does not carry it.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any

PACKAGE = "genai-prices"
DATA_VERSION = "0.2.3"  # of the package, to be raised with the day below
DAY = datetime(2026, 11, 1, 12, tzinfo=UTC)  # prices with a date or an hour on them are those of this moment
_VENDORS = {"openai": "openai", "anthropic": "anthropic", "google": "google"}
_SAMPLE = 1000  # tokens: what the first tier of a tiered price covers everywhere
_MILLION = 1_000_000


def find(provider_type: str, provider_model: str, host: str) -> tuple[Decimal, Decimal] | None:
    """US dollars per million (input tokens, output tokens) at the lowest tier, None where the model has no price per token."""
    where = {"provider_id": vendor} if (vendor := _VENDORS.get(provider_type)) else {"provider_api_url": f"https://{host}"}
    if vendor is None and not host:
        return None
    prices = _package()
    usage = prices.Usage(input_tokens=_SAMPLE, output_tokens=_SAMPLE)
    try:
        found = prices.calc_price(usage, provider_model, genai_request_timestamp=DAY, **where)
    except (LookupError, ValueError):  # ValueError: priced by something else than tokens
        return None
    if not found.total_price:
        return None  # nothing per token: minutes of audio, images, or a free tier that tells nothing of what it costs to host
    return found.input_price * _MILLION / _SAMPLE, found.output_price * _MILLION / _SAMPLE


@cache
def _package() -> Any:
    return import_module("genai_prices")
