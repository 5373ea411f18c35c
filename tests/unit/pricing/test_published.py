"""Published prices: what a request costs is what the genai-prices package says, for every model in its data."""

import warnings
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from genai_prices.data import providers

from ostiary_gateway.contract.record import Usage
from ostiary_gateway.pricing import published

_SOME = datetime(2026, 11, 5, 3, 10, tzinfo=UTC)
_TIMES = (datetime(2024, 2, 29, 23, 59, tzinfo=UTC), published.DAY, _SOME)
_USAGES = (
    Usage(input_tokens=1000, output_tokens=100),
    Usage(input_tokens=1_000_003, output_tokens=7, cache_read_tokens=999_999),
    Usage(input_tokens=5000, output_tokens=1, cache_read_tokens=17, cache_write_tokens=3000, cache_write_1h_tokens=1001),
    Usage(input_tokens=900, output_tokens=800, input_audio_tokens=450, output_audio_tokens=790),
    Usage(input_tokens=200_001, output_tokens=64_000, reasoning_tokens=60_001, input_image_tokens=258),
    Usage(input_tokens=9, output_tokens=1290, output_image_tokens=1290, web_searches=3),
    Usage(),
)
_NAMES = {
    "input_tokens": "input_tokens", "output_tokens": "output_tokens", "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens", "cache_write_1h_tokens": "cache_write_1h_tokens",
    "reasoning_tokens": "output_reasoning_tokens", "input_audio_tokens": "input_audio_tokens",
    "output_audio_tokens": "output_audio_tokens", "input_image_tokens": "input_image_tokens",
    "output_image_tokens": "output_image_tokens", "web_searches": "web_searches",
}  # fmt: skip


def _theirs(usage: Usage) -> Any:
    told = {theirs: count for ours, theirs in _NAMES.items() if (count := getattr(usage, ours)) is not None}
    return genai_prices.Usage(**told)


def _rates(provider: Any, model: Any) -> Any:
    """By the model itself: names of the data are found through `find` in another test."""
    if not any(published._is_priced(prices) for prices in published._editions(model)):
        return None
    if isinstance(model.prices, list):
        return published._Dated(model)
    return published.Fixed(published.SOURCE, published.VERSION, *published._tables(model, published.DAY))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@pytest.mark.parametrize("provider", providers, ids=lambda provider: provider.id)
def test_tp_17_cost_is_that_of_the_package_for_every_model(provider: Any) -> None:
    checked = 0
    for model in provider.models:
        rates = _rates(provider, model)
        if rates is None:
            continue
        for at in _TIMES if isinstance(model.prices, list) else (_SOME,):
            for usage in _USAGES:
                with warnings.catch_warnings(action="ignore"):
                    theirs = model.calc_price(_theirs(usage), provider, genai_request_timestamp=at)
                assert rates.cost(usage, at_ms=_ms(at)) == theirs.total_price, (model.id, at, usage)
                checked += 1
    assert checked or not any(map(published._is_priced, (p for m in provider.models for p in published._editions(m))))


def test_tp_17_a_batch_costs_what_the_package_says() -> None:
    variants = [(provider, model) for provider in providers for model in provider.models if model.price_variants]
    cheaper = 0
    for provider, model in variants:
        rates = _rates(provider, model)
        if rates is None:
            continue
        usage = _USAGES[0]
        theirs = model.calc_price(_theirs(usage), provider, genai_request_timestamp=_SOME, price_context={"processing": "batch"})
        assert rates.cost(usage, at_ms=_ms(_SOME), batch=True) == theirs.total_price, model.id
        cheaper += rates.cost(usage, at_ms=_ms(_SOME), batch=True) < rates.cost(usage, at_ms=_ms(_SOME))
    assert cheaper > 50


def test_gz_11_only_what_no_count_prices_has_no_price() -> None:
    for provider in providers:
        for model in provider.models:
            if _rates(provider, model) is None:
                for prices in published._editions(model):
                    assert prices.calc_price(genai_prices.Usage(input_tokens=1000, output_tokens=1000))["total_price"] == 0


def test_gz_03_the_ceiling_is_never_below_what_a_request_costs() -> None:
    usages = [usage for usage in _USAGES if not usage.web_searches and not usage.input_audio_tokens]
    for provider in providers:
        for model in provider.models:
            if not (rates := _rates(provider, model)):
                continue
            most = rates.ceiling(_ms(_SOME))
            for usage in usages:
                bound = Decimal((usage.input_tokens or 0) * most.input + (usage.output_tokens or 0) * most.output).scaleb(-12)
                bound += Decimal(most.request).scaleb(-9)
                for hours in (0, 7, 17, 23.9):
                    later = _SOME + timedelta(hours=hours)
                    assert rates.cost(usage, at_ms=_ms(later)) <= bound, (model.id, usage, hours)


def test_hours_of_prices_begin_and_end_on_quarters() -> None:
    """Tables are kept for a quarter of an hour."""
    constraints = [each.constraint for p in providers for m in p.models if isinstance(m.prices, list) for each in m.prices]
    hours = [(c.start_time, c.end_time) for c in constraints if hasattr(c, "start_time")]
    assert hours
    assert all(each.minute % 15 == each.second == 0 for pair in hours for each in pair)


@pytest.mark.parametrize(
    ("kind", "name", "url"),
    [
        ("openai", "gpt-4o-2024-08-06", ""),
        ("anthropic", "claude-sonnet-4-20250514", ""),
        ("google", "models/gemini-2.5-pro", ""),
        ("openai-compatible", "llama-3.3-70b-versatile", "https://api.groq.com/openai/v1"),
        ("openai-compatible", "deepseek-chat", "https://api.deepseek.com"),
    ],
)
def test_tp_17_dated_and_prefixed_names_are_known(kind: str, name: str, url: str) -> None:
    rates = published.find(kind, name, url)
    assert rates is not None
    assert (rates.source, rates.version) == ("genai-prices", "genai-prices 0.2.3 2026-11-01")
    assert rates.cost(Usage(input_tokens=1_000_000), at_ms=_ms(_SOME)) > 0


def test_tp_17_a_price_changes_with_its_day() -> None:
    """o3 costs a fifth since June 2025."""
    rates = published.find("openai", "o3", "")
    assert rates is not None
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    assert rates.cost(usage, at_ms=_ms(datetime(2025, 6, 1, tzinfo=UTC))) == 10
    assert rates.cost(usage, at_ms=_ms(datetime(2025, 7, 1, tzinfo=UTC))) == 2
    assert rates.ceiling(_ms(_SOME)).input == 2_000_000


def test_tp_17_above_a_tier_the_whole_request_costs_more() -> None:
    """gemini-2.5-pro: 1.25 up to 200,000 tokens of input, then 2.50."""
    rates = published.find("google", "gemini-2.5-pro", "")
    assert rates is not None
    assert rates.cost(Usage(input_tokens=200_000), at_ms=_ms(_SOME)) == Decimal("0.25")
    assert rates.cost(Usage(input_tokens=200_001), at_ms=_ms(_SOME)) == Decimal("0.5000025")


def test_tp_17_counts_that_the_package_refuses_still_cost_something() -> None:
    """Cached and audio tokens at once, where the package wants to know which cached ones are audio."""
    rates = published.find("openai", "gpt-realtime", "")
    assert rates is not None
    both = Usage(input_tokens=1000, output_tokens=10, cache_read_tokens=600, input_audio_tokens=500)
    assert rates.cost(both) > rates.cost(Usage(input_tokens=1000, output_tokens=10, cache_read_tokens=600))


def test_every_kind_of_price_is_read_or_of_nothing_that_a_usage_tells() -> None:
    unread = {
        name for p in providers for m in p.models for prices in published._editions(m)
        for name, value in prices.__dict__.items() if value is not None and name not in published._UNITS
    }  # fmt: skip
    assert unread <= {
        "storage_searches_kcount", "audio_hours", "input_audio_hours", "cache_audio_read_mtok", "cache_image_read_mtok",
        "input_document_kpages", "input_annotated_document_kpages", "input_video_mtok", "output_video_mtok", "input_mchars",
        "input_text_messages_kcount", "output_citation_mtok",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "vendor", "known"),
    [
        ("azure-openai", "gpt-4o", "azure", "gpt-4o"),
        ("bedrock", "anthropic.claude-3-5-sonnet-20240620-v1:0", "aws", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
        (
            "bedrock",
            "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "aws",
            "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        ("vertex", "gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("mistral", "mistral-small-latest", "mistral", "mistral-small-latest"),
        ("groq", "llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"),
        ("deepseek", "deepseek-chat", "deepseek", "deepseek-chat"),
        ("xai", "grok-4", "x-ai", "grok-4"),
        ("together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ("openrouter", "anthropic/claude-sonnet-4.5", "openrouter", "anthropic/claude-sonnet-4.5"),
    ],
)
def test_tp_08_each_type_of_provider_has_its_vendors_prices_wherever_it_is_reached(
    kind: str, name: str, vendor: str, known: str
) -> None:
    (provider,) = (each for each in providers if each.id == vendor)
    model = provider.find_model(known, all_providers=list(providers))
    rates = published.find(kind, name, "https://proxy.example")
    assert rates is not None
    assert model is not None
    usage = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
    theirs = model.calc_price(_theirs(usage), provider, genai_request_timestamp=published.DAY).total_price
    assert rates.cost(usage, at_ms=int(published.DAY.timestamp() * 1000)) == theirs > 0


@pytest.mark.parametrize("kind", ["ollama", "vllm"])
def test_ones_own_machines_have_no_published_price(kind: str) -> None:
    assert published.find(kind, "gpt-4o", "https://api.openai.com") is None
