"""Stated prices, mounted lists, and which of them counts."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.contract.document import VERSION, Document, Provider
from ostiary_gateway.contract.price import Price, Tier
from ostiary_gateway.contract.record import Usage
from ostiary_gateway.pricing import DEFAULT, PriceBook, decimal, lists, plain, stated
from ostiary_gateway.pricing.lists import PriceListError
from ostiary_gateway.pricing.stated import PriceError

LIST = b"""
version: acme-2026-11
prices:
  - {model: "openai/*", price: {input: 7, output: 0.10}}
  - {model: "openai/gpt-4o*", price: {input: "8", output: "9"}}
  - {model: "*", price: {request: "0.01"}}
"""
TOKENS = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def _provider(prefix: str, kind: Any = "openai", host: str = "api.openai.com") -> Provider:
    return Provider(
        id=f"llm/{prefix}", name=prefix, prefix=prefix, type=kind, scheme="https", host=host, upstream=prefix, base_path="/v1"
    )


def _book(*texts: bytes) -> PriceBook:
    groq = _provider("groq", "openai-compatible", "api.groq.com")
    own = _provider("own", "openai-compatible", "vllm.models.svc")
    document = Document(version=VERSION, providers=(_provider("openai"), groq, own))
    return PriceBook(document, [lists.read(text) for text in texts])


def _cost(price: Price, **usage: int) -> Decimal:
    rates = stated.rates(price, "model")
    assert rates is not None
    return rates.cost(Usage(**usage))


def test_tp_17_the_example_catalogue_of_the_seed() -> None:
    """gpt-4: 0.00003 and 0.00006 US dollars per token."""
    price = Price(input="30", output="60")
    assert plain(_cost(price, input_tokens=1000, output_tokens=500)) == "0.06"
    assert plain(_cost(price, input_tokens=1, output_tokens=1)) == "0.00009"


def test_tp_17_every_kind_of_token_has_its_price() -> None:
    price = Price(
        input="1", output="10", cache_read="0.1", cache_write="1.25", reasoning="20", input_audio="100", output_audio="200",
        image="0.04", request="0.005",
    )  # fmt: skip
    assert _cost(price) == Decimal("0.005")
    usage = {
        "input_tokens": 1000, "cache_read_tokens": 300, "cache_write_tokens": 200, "input_audio_tokens": 100,
        "output_tokens": 90, "reasoning_tokens": 40, "output_audio_tokens": 20, "images": 2,
    }  # fmt: skip
    millionths = 400 * 1 + 300 * Decimal("0.1") + 200 * Decimal("1.25") + 100 * 100 + 30 * 10 + 40 * 20 + 20 * 200
    assert _cost(price, **usage) == millionths / 10**6 + Decimal("0.085")


def test_tp_17_what_has_no_price_of_its_own_costs_what_the_plain_token_does() -> None:
    price = Price(input="2", output="3")
    parts = {"cache_read_tokens": 10, "cache_write_tokens": 20, "reasoning_tokens": 5, "input_audio_tokens": 7}
    assert _cost(price, input_tokens=100, output_tokens=50, **parts) == _cost(price, input_tokens=100, output_tokens=50)
    assert _cost(Price(input="2"), output_tokens=1_000_000) == 2  # one alone stands for both


def test_tp_17_tiers_and_batches() -> None:
    tiers = (Tier(above_input_tokens=200_000, input="4", output="20"), Tier(above_input_tokens=100, input="3"))
    price = Price(input="2", output="10", cache_read="1", batch_discount="0.5", tiers=tiers)
    assert _cost(price, input_tokens=100, output_tokens=1) == Decimal("0.00021")
    assert _cost(price, input_tokens=101, output_tokens=1) == Decimal("0.000313")
    assert _cost(price, input_tokens=200_001, cache_read_tokens=1) == Decimal("0.800001")
    rates = stated.rates(price, "model")
    assert rates is not None
    assert rates.cost(Usage(input_tokens=100, output_tokens=1), batch=True) == Decimal("0.000105")
    assert rates.ceiling(0) == (4_000_000, 20_000_000, 0)


def test_gz_03_the_ceiling_is_rounded_up() -> None:
    rates = stated.rates(Price(input="0.0000001", output="0", request="0.00000000001"), "model")
    assert rates is not None
    assert rates.ceiling(0) == (1, 0, 1)


@given(
    given=st.fixed_dictionaries({name: st.integers(0, 2**53) for name in Usage.__struct_fields__}),
    prices=st.lists(st.decimals(0, 1000, places=9, allow_nan=False).map(str), min_size=9, max_size=9),
)
def test_tp_17_a_cost_is_never_negative_and_its_text_loses_nothing(given: dict[str, int], prices: list[str]) -> None:
    names = [name for name in Price.__struct_fields__ if name not in {"batch_discount", "tiers"}]
    cost = _cost(Price(**dict(zip(names, prices, strict=True))), **given)
    assert cost >= 0
    assert decimal(plain(cost)) == cost
    assert "E" not in plain(cost)


@pytest.mark.parametrize("text", ["-1", "NaN", "Infinity", "1,5", "free", ""])
def test_what_is_no_amount_is_refused(text: str) -> None:
    assert decimal(text) is None
    if text:
        with pytest.raises(PriceError, match="cache_read"):
            stated.rates(Price(input="1", output="1", cache_read=text), "model")


def test_tp_17_a_stated_price_comes_first_then_the_list_then_the_published_one() -> None:
    book = _book(LIST)
    here = book.rates("openai", "gpt-4o", Price(input="1", output="1"))
    assert here is not None
    assert (here.source, here.version, here.cost(TOKENS)) == ("model", "", 2)
    listed = book.rates("openai", "gpt-4o")
    assert listed is not None
    assert (listed.source, listed.version, listed.cost(TOKENS)) == ("list", "acme-2026-11", 17)
    published = _book().rates("openai", "gpt-4o")
    assert published is not None
    assert (published.source, published.cost(TOKENS)) == ("genai-prices", Decimal("12.5"))


def test_of_a_list_the_longest_literal_wins_and_numbers_keep_their_digits() -> None:
    book = _book(LIST)
    costs = {name: book.rates("openai", name) for name in ("gpt-4o-mini", "o3")}
    assert {name: rates.cost(TOKENS) for name, rates in costs.items() if rates} == {"gpt-4o-mini": 17, "o3": Decimal("7.1")}
    other = book.rates("own", "llama")
    assert other is not None
    assert other.cost(TOKENS) == Decimal("0.01")


def test_gz_11_nobody_knows_the_price_of_a_model_of_ones_own() -> None:
    book = _book()
    assert book.rates("own", "llama-3.3-70b-versatile") is None
    assert book.rates("groq", "llama-3.3-70b-versatile") is not None
    assert book.rates("openai", "no-such-model") is None
    assert book.rates("openai", "") is None
    assert DEFAULT.cost(TOKENS) == 40
    assert DEFAULT.source == "default"


def test_a_provider_that_is_gone_is_known_by_its_type() -> None:
    assert _book().rates("gone", "gpt-4o") is None
    assert _book().rates("gone", "gpt-4o", provider_type="openai") is not None


def test_a_stated_price_that_cannot_be_read_is_passed_over() -> None:
    rates = _book().rates("openai", "gpt-4o", Price(input="abc", output="1"))
    assert rates is not None
    assert rates.source == "genai-prices"


def test_what_is_remembered_has_an_end() -> None:
    book = _book(LIST)
    for number in range(17_000):
        book.rates("own", f"m{number}")
    assert len(book._known) <= 16_384


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"prices: []", "version"),
        (b"version: 1\nprices: [{model: x, price: {input: cheap}}]", "cheap"),
        (b"version: 1\nprices: [{model: x, price: {input: -1}}]", "-1"),
        (b"version: 1\nprices: [{model: x, price: {inputs: 1}}]", "inputs"),
        (b"version: 1\ncurrency: EUR\nprices: []", "EUR"),
        (b"version: 1\nprices: [{model: x, price: {input: 1, tiers: [{above_input_tokens: many}]}}]", "above_input_tokens"),
        (b": [", "price list"),
        (b"\xff", "price list"),
        (b"[]", "price list"),
    ],
)
def test_a_list_with_a_fault_is_refused_whole(text: bytes, why: str) -> None:
    with pytest.raises(PriceListError, match=why):
        lists.read(text)
