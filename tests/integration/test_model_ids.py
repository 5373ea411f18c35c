"""What a client may call a model: names, aliases, prefixes, wildcards, and what a key may use (PL-21, PL-23, GZ-05, GZ-13)."""

from collections.abc import Sequence

import anthropic
import pytest
from tests.support.client import Reply, call
from tests.support.gateway import Gateway
from tests.support.manifests import api_key, model, provider
from tests.support.planned import CHAT, HELLO, KEY, MESSAGES, Bed

NARROW, WILD, PREFIXED = "sk-test-only-ids-fast", "sk-test-ids-wild", "sk-test-only-mistral"
MODELS = [
    model("ids-fast", "openai/fast-1", "mistral", aliases=["R1-Ids", "ids/GPT-4o"]),
    model("openai/ids-exact", "mistral/exact-1"),
    model("ids-wild-*", "openai"),
    model("ids-wild-long-*", "mistral/long-one"),
    model("ids-once", "openai/once-1"),
    api_key("ids-narrow", NARROW, models=["ids-fast"]),
    api_key("ids-wild", WILD, models=["ids-wild-a*"]),
    api_key("ids-prefixed", PREFIXED, models=["mistral/*"]),
]


@pytest.fixture(scope="module", autouse=True)
def models(session_bed: Bed) -> None:
    session_bed.gateway.apply(*MODELS, file="model-ids")


def sent(bed: Bed) -> list[list[str]]:
    """The model names that each provider got."""
    return [[each.json["model"] for each in mock.calls] for mock in bed.mocks]


def ask(bed: Bed, name: str, key: str = KEY, path: str = CHAT) -> Reply:
    return call(bed.gateway.base_url, path, {"model": name, "messages": HELLO, "max_tokens": 16}, key=key)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ids-fast", [["fast-1"], [], []]),
        ("ids-once", [["once-1"], [], []]),
        ("r1-ids", [["fast-1"], [], []]),
        ("R1-IDS", [["fast-1"], [], []]),
        ("Ids/gpt-4O", [["fast-1"], [], []]),
        ("openai/ids-exact", [[], [], ["exact-1"]]),
        ("openai/ids-other", [["ids-other"], [], []]),
        ("mistral/any/thing:free", [[], [], ["any/thing:free"]]),
        ("ids-wild-a", [["ids-wild-a"], [], []]),
        ("ids-wild-long-a", [[], [], ["long-one"]]),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_pl_21_and_gz_13_a_name_finds_its_backend(bed: Bed, name: str, expected: list[list[str]], *, stream: bool) -> None:
    """Exact names first, then aliases in any case, then prefixes, then the longest wildcard."""
    assert bed.chat(name, stream=stream).status == 200
    assert sent(bed) == expected


def test_pl_23_an_alias_works_on_messages_too(bed: Bed) -> None:
    with anthropic.Anthropic(api_key=KEY, base_url=bed.gateway.base_url, max_retries=0) as claude:
        claude.messages.create(model="R1-ids", messages=HELLO, max_tokens=16)
        with claude.messages.stream(model="r1-IDS", messages=HELLO, max_tokens=16) as stream:
            assert "".join(stream.text_stream)
    assert sent(bed) == [["fast-1", "fast-1"], [], []]


def test_the_record_says_what_was_asked_for_and_what_was_meant(bed: Bed) -> None:
    record = bed.record(bed.chat("R1-ids"))
    assert (record["requested_model"], record["resolved_model"]) == ("R1-ids", "ids-fast")
    assert record["attempts"][0]["model"] == "fast-1"


@pytest.mark.parametrize("name", ["IDS-FAST", "r1-ids-2", "no-provider/x", "ids", "ids-wild", ""])
@pytest.mark.parametrize("path", [CHAT, MESSAGES])
def test_gz_05_what_nobody_offers_is_refused_before_anything_is_sent(bed: Bed, name: str, path: str) -> None:
    reply = ask(bed, name, path=path)
    assert reply.status == 400
    message = reply.json["error"]["message"]
    assert message == (f"unknown model: {name}" if name else "missing 'model' field")
    assert bed.counts == [0, 0, 0]


@pytest.mark.parametrize(
    ("key", "allowed", "refused"),
    [
        (NARROW, ["ids-fast", "r1-ids", "R1-IDS"], ["ids-once", "openai/fast-1", "ids-wild-a"]),
        (WILD, ["ids-wild-a", "ids-wild-abc"], ["ids-wild-b", "ids-fast"]),
        (PREFIXED, ["mistral/x"], ["openai/x", "openai/ids-exact", "ids-once"]),
    ],
)
def test_tp_12_a_key_may_use_what_it_names_and_the_resolved_name_counts(
    bed: Bed, key: str, allowed: Sequence[str], refused: Sequence[str]
) -> None:
    for name in allowed:
        assert ask(bed, name, key).status == 200, name
    bed.answer()
    for name in refused:
        reply = ask(bed, name, key)
        assert (reply.status, reply.json["error"]["message"]) == (403, "API key not allowed to use this model"), name
    assert bed.counts == [0, 0, 0]


def listed(gateway: Gateway, key: str) -> list[str]:
    return [each["id"] for each in call(gateway.base_url, "/v1/models", key=key).json["data"]]


def test_models_lists_only_what_the_key_may_use(bed: Bed) -> None:
    assert "ids-fast" in listed(bed.gateway, NARROW)
    assert not {"ids-once", "openai/ids-exact"} & set(listed(bed.gateway, NARROW))
    everything = listed(bed.gateway, KEY)
    assert {"ids-fast", "ids-once", "openai/ids-exact", "openai/*", "mistral/*"} <= set(everything)
    assert len(everything) == len(set(everything))


def test_a_model_named_with_an_asterisk_takes_anything_else(bed: Bed) -> None:
    """And is gone with its manifest."""
    gateway = bed.gateway
    assert ask(bed, "whatever-i-like").status == 400
    gateway.apply(model("*", "openai", "mistral/small"), file="default-model")
    try:
        bed.answer()
        assert ask(bed, "whatever-i-like").status == 200
        assert ask(bed, "ids-fast").status == 200
        assert sent(bed) == [["whatever-i-like", "fast-1"], [], []]
    finally:
        gateway.remove("default-model")
    assert ask(bed, "whatever-i-like").status == 400


def test_a_model_that_changes_changes_at_once(bed: Bed) -> None:
    gateway = bed.gateway
    for where, expected in (("openai", [1, 0, 0]), ("mistral", [0, 0, 1])):
        gateway.apply(model("ids-moves", where), file="moving-model")
        bed.answer()
        assert bed.chat("ids-moves").status == 200
        assert bed.counts == expected


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_pl_35_a_providers_headers_and_host_reach_it(bed: Bed, kind: str) -> None:
    headers = [{"name": "X-Team", "value": "red, blue"}, {"name": "OpenAI-Organization", "value": "org-1"}]
    shown = {"credential": "sk-shown", "headers": headers, "hostHeader": "api.example.test:8443"}
    bed.gateway.apply(*provider("shown", bed.primary.url, kind, **shown), model("ids-shown", "shown"), file="shown")
    for name in ("ids-shown", "shown/direct"):
        assert bed.chat(name).status == 200
        assert bed.chat(name, stream=True).status == 200
    assert bed.counts == [4, 0, 0]
    for each in bed.primary.calls:
        assert each.headers["x-team"] == "red, blue"
        assert each.headers["openai-organization"] == "org-1"
        assert each.headers["host"] == "api.example.test:8443"
        assert "sk-shown" in each.text
        assert "x-ostiary-guard" not in each.headers


def test_pl_35_a_callers_own_credential_is_let_pass_where_the_provider_says_so(bed: Bed) -> None:
    bed.gateway.apply(*provider("own", bed.primary.url, passthroughAuth=True), model("ids-own", "own"), file="own")
    for name in ("ids-own", "own/direct"):
        assert bed.chat(name).status == 200
    assert [each.headers["authorization"] for each in bed.primary.calls] == [f"Bearer {KEY}"] * 2


def test_pl_21_limits_of_a_model_are_checked_before_anything_is_sent(bed: Bed) -> None:
    limits = {"maxRequestBytes": 600, "maxOutputTokens": 100}
    bed.gateway.apply(model("ids-limited", "openai", limits=limits), file="limited")
    assert bed.ask("ids-limited", body={"max_tokens": 100}).status == 200
    bed.answer()
    large = bed.ask("ids-limited", body={"messages": [{"role": "user", "content": "x" * 700}]})
    assert large.status == 413
    for field in ("max_tokens", "max_completion_tokens"):
        assert bed.ask("ids-limited", body={field: 101}).status == 400
    assert bed.counts == [0, 0, 0]
