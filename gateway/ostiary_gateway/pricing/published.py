"""Prices that vendors publish, from the data inside the `genai-prices` package: no network, a fixed day.

The package is imported at the first question (0.2 s, 31 MB). Its own arithmetic is not used: it takes 20 times as long for each
request, and refuses combinations of counts that providers do report. What comes out is the same (tests go over all models).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib import import_module
from typing import Any

from ostiary_gateway.contract.record import Usage
from ostiary_gateway.pricing.exact import EXACT
from ostiary_gateway.pricing.rates import Fixed, Rates
from ostiary_gateway.pricing.table import Ceiling, Row, Table, row

PACKAGE = "genai-prices"
DATA_VERSION = "0.2.3"  # of the package, to be raised with the day below
DAY = datetime(2026, 11, 1, 12, tzinfo=UTC)  # when its prices were gathered, and of which a choice between targets is made
SOURCE = PACKAGE
VERSION = f"{PACKAGE} {DATA_VERSION} {DAY.date().isoformat()}"

_VENDORS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "google": "google",
    "azure-openai": "azure",
    "bedrock": "aws",
    "vertex": "google",
    "mistral": "mistral",
    "groq": "groq",
    "deepseek": "deepseek",
    "xai": "x-ai",
    "together": "together",
    "openrouter": "openrouter",
}
_OWN = frozenset({"ollama", "vllm"})  # somebody's own machines: what they cost nobody publishes, wherever they are reached
_BATCH = {"processing": "batch"}
_UNITS: Mapping[str, tuple[str, int]] = {  # the package's name -> ours, and for how many its price is
    "input_mtok": ("input", 1_000_000),
    "output_mtok": ("output", 1_000_000),
    "cache_read_mtok": ("cache_read", 1_000_000),
    "cache_write_mtok": ("cache_write", 1_000_000),
    "cache_write_1h_mtok": ("cache_write_1h", 1_000_000),
    "input_audio_mtok": ("input_audio", 1_000_000),
    "output_audio_mtok": ("output_audio", 1_000_000),
    "input_image_mtok": ("input_image", 1_000_000),
    "output_image_mtok": ("output_image", 1_000_000),
    "output_reasoning_mtok": ("reasoning", 1_000_000),
    "requests_kcount": ("request", 1_000),
    "web_searches_kcount": ("search", 1_000),
}
_COUNTED = frozenset(_UNITS) - {"web_searches_kcount"}  # a search alone prices nothing that we count otherwise
_STEP_MS = 15 * 60 * 1000  # hours of the package's off-peak prices begin and end on quarters
_DAY_STEPS = 96
_REMEMBERED = 16  # tables by quarter of an hour


def find(provider_type: str, provider_model: str, url: str) -> Rates | None:
    """None where the model has no price for anything that a usage tells.

    Args:
        provider_type: the vendor, or `openai-compatible` (or something else), where the API at `url` tells it.
        provider_model: as it was sent, or as the reply names it; dated names are known.
        url: `https://<host>/<base path>`.
    """
    model = _model(provider_type, provider_model, url)
    if model is None or not any(_is_priced(prices) for prices in _editions(model)):
        return None
    return _Dated(model) if isinstance(model.prices, list) else Fixed(SOURCE, VERSION, *_tables(model, DAY))


def context_length(provider_type: str, provider_model: str, url: str) -> int:
    """How many tokens a model takes, 0 where nobody says; the arguments are those of `find`."""
    model = _model(provider_type, provider_model, url)
    return int(model.context_window or 0) if model else 0


def _model(provider_type: str, provider_model: str, url: str) -> Any:
    if provider_type in _OWN:
        return None
    provider = _provider(_VENDORS.get(provider_type, ""), url)
    name = _plain_name(provider_model)
    return provider.find_model(name, all_providers=_providers()) if provider and name else None


def _plain_name(provider_model: str) -> str:
    """Without what Google (`models/`) and AWS (`arn:aws:bedrock:<region>:<account>:inference-profile/`) put before it."""
    arn, _, name = provider_model.rpartition("/")
    return name if arn.startswith("arn:") else provider_model.removeprefix("models/")


class _Dated:
    """Prices with a date or an hour on them."""

    source = SOURCE
    version = VERSION

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known: dict[int, tuple[Table, Table]] = {}
        self._most: tuple[int, Ceiling] | None = None

    def cost(self, usage: Usage, *, at_ms: int = 0, batch: bool = False) -> Decimal:
        return self._at(at_ms // _STEP_MS)[batch].cost(usage)

    def ceiling(self, now_ms: int) -> Ceiling:
        now = now_ms // _STEP_MS
        if self._most and self._most[0] == now:
            return self._most[1]
        editions = {id(self._model.get_prices(_moment(step))): step for step in range(now, now + _DAY_STEPS + 1)}
        found = [self._at(step)[0].ceiling() for step in editions.values()]
        most = Ceiling(*(max(each) for each in zip(*found, strict=True)))
        self._most = now, most
        return most

    def _at(self, step: int) -> tuple[Table, Table]:
        if (tables := self._known.get(step)) is None:
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            tables = self._known[step] = _tables(self._model, _moment(step))
        return tables


def _moment(step: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=step * _STEP_MS)


def _tables(model: Any, at: datetime) -> tuple[Table, Table]:
    """What each costs at a moment, alone and in a batch."""
    alone = _table(model.get_prices(at))
    return alone, _table(model.get_prices(at, _BATCH)) if model.price_variants else alone


def _table(prices: Any) -> Table:
    stated = {name: prices.__dict__[name] for name in _UNITS if prices.__dict__.get(name) is not None}
    starts = {tier.start for price in stated.values() for tier in getattr(price, "tiers", ())}
    return Table.of(_row(stated, start) for start in (-1, *sorted(starts)))


def _row(stated: Mapping[str, Any], above: int) -> Row:
    """Prices of a request whose input is longer than `above`."""
    dollars: dict[str, Decimal] = {}
    for name, price in stated.items():
        ours, per = _UNITS[name]
        one = price
        if hasattr(price, "tiers"):
            reached = [tier.price for tier in price.tiers if tier.start <= above]
            one = reached[-1] if reached else price.base
        dollars[ours] = EXACT.divide(one, Decimal(per))
    return row(above, dollars)


def _editions(model: Any) -> list[Any]:
    return [each.prices for each in model.prices] if isinstance(model.prices, list) else [model.prices]


def _is_priced(prices: Any) -> bool:
    return any(prices.__dict__.get(name) is not None for name in _COUNTED)


@cache
def _providers() -> list[Any]:
    import_module(PACKAGE.replace("-", "_"))
    return list(import_module("genai_prices.data").providers)


def _provider(vendor: str, url: str) -> Any:
    """Its own lookup remembers every name that it was ever asked for, and names come from clients."""
    if vendor:
        return next((each for each in _providers() if each.id == vendor), None)
    return next((each for each in _providers() if re.match(each.api_pattern, url)), None) if url else None
