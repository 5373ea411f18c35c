"""Prices for choosing by cost: the manifest's first, then the published ones, else unknown."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from ostiary_gateway.contract.price import Price
from ostiary_gateway.pricing import UNKNOWN, blended, published


@pytest.mark.parametrize(
    ("given", "dollars"),
    [
        (("3", "15"), 6.0),
        (("0.15", "0.60"), 0.2625),
        (("0", "0"), 0.0),
        (("2", ""), 2.0),
        (("", "8"), 8.0),
    ],
)
def test_gz_07_three_parts_of_input_to_one_of_output(given: tuple[str, str], dollars: float) -> None:
    assert blended("openai-compatible", "mine", Price(input=given[0], output=given[1])) == pytest.approx(dollars)


@pytest.mark.parametrize("text", ["free", "-1", "NaN", "Infinity", "1,5"])
def test_gz_07_what_is_no_price_is_unknown(text: str) -> None:
    assert blended("openai-compatible", "mine", Price(input=text, output=text)) == UNKNOWN


def test_gz_07_a_manifest_price_beats_the_published_one() -> None:
    assert blended("openai", "gpt-4o", Price(input="1", output="1")) == 1.0


@pytest.mark.parametrize(
    ("kind", "model", "dollars"),
    [
        ("openai", "gpt-4o", 4.375),
        ("openai", "gpt-4o-mini", 0.2625),
        ("anthropic", "claude-sonnet-4-20250514", 6.0),
        ("google", "gemini-2.5-pro", 3.4375),
    ],
)
def test_gz_07_published_prices(kind: str, model: str, dollars: float) -> None:
    assert blended(kind, model) == pytest.approx(dollars)


def test_gz_07_an_openai_compatible_provider_is_known_by_its_host() -> None:
    model = "llama-3.3-70b-versatile"
    assert blended("openai-compatible", model, host="api.groq.com") == pytest.approx(0.64)
    assert blended("openai-compatible", model, host="vllm.models.svc") == UNKNOWN
    assert blended("openai-compatible", model) == UNKNOWN


@pytest.mark.parametrize("model", ["no-such-model", "", "whisper-1", "x" * 300])
def test_gz_11_without_a_price_per_token_it_is_unknown(model: str) -> None:
    assert blended("openai", model) == UNKNOWN


def test_gz_07_prices_are_those_of_the_pinned_package() -> None:
    assert version(published.PACKAGE) == published.DATA_VERSION, "look at published.DAY too"


def test_gz_07_nothing_is_fetched_and_nothing_loaded_before_it_is_needed() -> None:
    """In a process whose sockets cannot be opened."""
    program = """
import sys
from ostiary_gateway import pricing
from ostiary_gateway.contract.price import Price
assert pricing.blended("openai", "gpt-4o", Price(input="1", output="1")) == 1.0
assert "genai_prices" not in sys.modules
sys.addaudithook(lambda event, args: sys.exit(event) if event in ("socket.connect", "socket.getaddrinfo") else None)
assert pricing.blended("openai", "gpt-4o") == 4.375
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
