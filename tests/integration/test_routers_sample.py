"""GZ-20: `router:general` and `router:code` as the sample ships them, before mock providers instead of the vendors."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import yaml
from tests.support.client import call
from tests.support.gateway import Gateway
from tests.support.manifests import Manifest, api_key, build_secret, model
from tests.support.process import REPOSITORY
from tests.support.queued_provider import Answer, QueuedProvider

KEY = "sk-test-routers"
VENDORS = ("openai", "anthropic", "groq")
SAMPLE = REPOSITORY / "hack/samples/routers.yaml"
EASY, HARD, UNCLEAR = "Translate this into French: good day", "Solve the equation 3*x + 4 = 19 and prove it", "zzz"
FALLBACKS = {
    "balanced": "claude-sonnet-4-20250514",
    "quality": "gpt-4o",
    "cost": "gpt-4o-mini",
    "latency": "llama-3.3-70b-versatile",
}


class Bench:
    def __init__(self, gateway: Gateway, mocks: dict[str, QueuedProvider]) -> None:
        self.gateway = gateway
        self.mocks = mocks

    def went_to(self, name: str, text: str) -> str:
        """`<vendor>/<model>` of the one provider that got the request."""
        for mock in self.mocks.values():
            mock.answers(Answer())
        body = {"model": name, "messages": [{"role": "user", "content": text}]}
        reply = call(self.gateway.base_url, "/v1/chat/completions", body, key=KEY)
        assert reply.status == 200, reply.text
        (found,) = [f"{vendor}/{seen.json['model']}" for vendor, mock in self.mocks.items() for seen in mock.calls]
        return found

    def refusal(self, name: str) -> tuple[int, str]:
        body = {"model": name, "messages": [{"role": "user", "content": EASY}]}
        reply = call(self.gateway.base_url, "/v1/chat/completions", body, key=KEY)
        return reply.status, reply.json["error"]["message"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as stack:
        mocks = {vendor: stack.enter_context(QueuedProvider()) for vendor in VENDORS}
        gateway = Gateway(tmp_path_factory.mktemp("routers"))
        stack.callback(gateway.stop)
        gateway.start(sample(mocks), [api_key("routers", KEY)])
        yield Bench(gateway, mocks)


def sample(mocks: dict[str, QueuedProvider]) -> list[Manifest]:
    """The sample and the quick start's Providers; only their addresses and the credentials are ours."""
    texts = [SAMPLE.read_text(), (REPOSITORY / "hack/quickstart/providers.yaml").read_text()]
    found = [manifest for text in texts for manifest in yaml.safe_load_all(text)]
    kept = [each for each in found if each["kind"] != "Provider" or each["metadata"]["name"] in mocks]
    for manifest in kept:
        if manifest["kind"] == "Provider":
            manifest["spec"]["baseURL"] = mocks[manifest["metadata"]["name"]].url
    return [*kept, build_secret("env", {f"{vendor.upper()}_API_KEY": f"sk-{vendor}" for vendor in VENDORS})]


@pytest.mark.parametrize("mode", FALLBACKS)
def test_gz_20_an_unclear_prompt_goes_to_the_modes_fallback(bench: Bench, mode: str) -> None:
    assert bench.went_to(f"router:general:{mode}", UNCLEAR).endswith(f"/{FALLBACKS[mode]}")
    assert bench.went_to(f"gatewayz-general-{mode}", UNCLEAR).endswith(f"/{FALLBACKS[mode]}")


@pytest.mark.parametrize("name", ["router:general", "gatewayz-general", "GatewayZ-General", "router:general:balanced"])
def test_gz_20_balanced_is_the_default(bench: Bench, name: str) -> None:
    assert bench.went_to(name, UNCLEAR) == "anthropic/claude-sonnet-4-20250514"


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("router:general", EASY, "openai/gpt-4o-mini"),
        ("router:general", HARD, "anthropic/claude-sonnet-4-20250514"),
        ("router:general:quality", EASY, "anthropic/claude-sonnet-4-20250514"),
        ("router:general:cost", HARD, "openai/gpt-4o"),
        ("router:code", "Explain what this regex does", "openai/gpt-4.1-mini"),
        ("router:code", "Write a function", "openai/gpt-4.1"),
        (
            "router:code",
            "Design a scalable architecture for a distributed, thread-safe queue",
            "anthropic/claude-sonnet-4-20250514",
        ),
        ("router:code:agentic", "Write a function", "anthropic/claude-sonnet-4-5-20250929"),
        ("router:code:quality", "Write a function", "anthropic/claude-sonnet-4-20250514"),
        ("gatewayz-code-price", "Write a function", "openai/gpt-4.1-mini"),
    ],
)
def test_gz_20_the_prompt_decides(bench: Bench, name: str, text: str, place: str) -> None:
    assert bench.went_to(name, text) == place


@pytest.mark.parametrize("name", ["router:general:foo", "gatewayz-general-foo"])
def test_gz_20_an_unknown_mode_is_an_error_that_names_the_modes(bench: Bench, name: str) -> None:
    told = f"unknown model: {name} (modes of router:general are balanced, quality, cost, latency)"
    assert bench.refusal(name) == (400, told)


def test_gz_20_an_unknown_mode_is_none_of_a_default_models_business(bench: Bench) -> None:
    bench.gateway.apply(model("*", "openai/gpt-4o"))
    try:
        assert bench.went_to("anything", EASY) == "openai/gpt-4o"
        status, told = bench.refusal("router:code:foo")
        assert (status, told) == (400, "unknown model: router:code:foo (modes of router:code are auto, price, quality, agentic)")
    finally:
        bench.gateway.remove()


def test_gz_20_options_and_tables(bench: Bench) -> None:
    url = bench.gateway.sidecar_url
    options = call(url, "/general-router/settings/options").json
    assert (options["default"], [each["mode"] for each in options["modes"]]) == ("balanced", list(FALLBACKS))
    assert call(url, "/code-router/settings/options").json["default"] == "auto"
    fallbacks = call(url, "/general-router/fallback-models").json["fallback_models"]
    assert {mode: place.partition("/")[2] for mode, place in fallbacks.items()} == FALLBACKS
    models = {each["id"]: each for each in call(url, "/general-router/models").json["models"]}
    assert models["openai/gpt-4o"]["cost"] == 4.375
    assert models["openai/gpt-4o"]["quality"] == 53.1
    tiers = call(url, "/code-router/tiers").json["tiers"]
    assert list(tiers) == ["frontier", "strong", "solid", "light"]
    (sonnet,) = [each for each in tiers["strong"]["models"] if each["model"] == "claude-sonnet-4"]
    assert sonnet == {
        "model": "claude-sonnet-4",
        "swe_bench": 72.7,
        "human_eval": None,
        "source": "Anthropic, Introducing Claude 4",
    }


def test_gz_20_a_trial_says_what_would_be_done_and_sends_nothing(bench: Bench) -> None:
    for mock in bench.mocks.values():
        mock.answers(Answer())
    tried = call(bench.gateway.sidecar_url, "/code-router/test", {"prompt": "Explain what this regex does", "mode": "auto"}).json
    assert tried.pop("routing_latency_ms") < 50
    assert "an explanation" in tried.pop("reason")
    expected = {
        "model_id": "gpt-4.1-mini",
        "provider": "openai",
        "mode": "auto",
        "task_category": "explanation",
        "confidence": 0.75,
    }
    assert tried == expected | {"tier": "light", "complexity": "simple"}
    general = call(bench.gateway.sidecar_url, "/general-router/test", {"prompt": UNCLEAR}).json
    assert (general["model_id"], general["mode"], general["confidence"]) == (FALLBACKS["balanced"], "balanced", 0.0)
    assert not any(mock.calls for mock in bench.mocks.values())


@pytest.mark.parametrize("body", [{"prompt": "x", "mode": "foo"}, {"mode": "auto"}, b"{"])
def test_gz_20_a_trial_that_is_none(bench: Bench, body: object) -> None:
    assert call(bench.gateway.sidecar_url, "/code-router/test", body).status == 400


def test_gz_20_a_mode_can_be_validated(bench: Bench) -> None:
    url = bench.gateway.sidecar_url
    assert call(url, "/code-router/settings/validate", {"mode": "price"}).json == {"valid": True}
    assert call(url, "/code-router/settings/validate", {"mode": "cost"}).json["valid"] is False


def test_gz_20_stats_count_what_was_asked(bench: Bench) -> None:
    before = call(bench.gateway.sidecar_url, "/code-router/stats").json["requests"]
    bench.went_to("router:code", "Write a function")
    after = call(bench.gateway.sidecar_url, "/code-router/stats").json
    assert (after["requests"], after["router"]) == (before + 1, "code")


def test_gz_20_without_the_sample_there_are_no_routers(bench: Bench) -> None:
    manifests = [each for each in sample(bench.mocks) if each["kind"] != "Model"]
    bench.gateway.write("main", *manifests, api_key("routers", KEY))
    bench.gateway.await_manifests()
    try:
        assert bench.refusal("router:general") == (400, "unknown model: router:general")
        assert call(bench.gateway.sidecar_url, "/general-router/test", {"prompt": "x"}).status == 404
    finally:
        bench.gateway.write("main", *sample(bench.mocks), api_key("routers", KEY))
        bench.gateway.await_manifests()
