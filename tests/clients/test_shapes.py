"""Claude Code and Codex through the gateway: what they send, to every provider, and what comes back.

`WRITE=1` writes what is lost on the way (`x-ostiary-dropped`) to shapes/dropped.json.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jsonschema
import pytest
from tests.clients import providers, replay
from tests.clients.replay import FOLDER, Shape
from tests.support.client import Reply
from tests.support.gateway import Gateway
from tests.support.manifests import api_key
from tests.support.provider import Provider, Seen

KEY = "sk-shapes"
DROPPED = FOLDER / "dropped.json"
SHAPES = {name: replay.load(name) for name in replay.names()}
PAIRS = [(name, provider) for name in SHAPES for provider in providers.PROVIDERS]
NATIVE_PAIRS = [(name, provider) for name, provider in PAIRS if provider in providers.NATIVE[SHAPES[name].dialect]]


@dataclass(frozen=True)
class Replayed:
    shape: Shape
    reply: Reply
    seen: list[Seen]
    model: str


def _id(name: str, provider: str) -> str:
    return f"{name}-{provider}".replace(" ", "-")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Replayed]]:
    """Every shape to every provider, once."""
    folder = tmp_path_factory.mktemp("shapes")
    fake = Provider(folder / "fake.log")
    gateway = Gateway(folder / "gateway", workers=1)
    try:
        gateway.start(providers.manifests(fake.url), [api_key("shapes", KEY)])
        replies = {}
        for name, provider in PAIRS:
            model = providers.models(provider)["tools"]
            replies[name, provider] = replay.send(gateway.base_url, KEY, SHAPES[name], model, _id(name, provider))
        seen = fake.seen()
        yield lambda name, provider: Replayed(
            SHAPES[name],
            replies[name, provider],
            [one for one in seen if one.header("x-request-id") == _id(name, provider)],
            providers.PURPOSES["tools"],
        )
    finally:
        gateway.drop()
        fake.stop()


@pytest.mark.parametrize(("name", "provider"), NATIVE_PAIRS)
def test_pl_24_what_the_provider_speaks_reaches_it_byte_for_byte(
    replayed: Callable[[str, str], Replayed], name: str, provider: str
) -> None:
    """But for the name of the model. The beta headers and the query are there too."""
    of = replayed(name, provider)
    (seen,) = of.seen
    assert seen.sha256 == hashlib.sha256(of.shape.text(of.model)).hexdigest()
    assert seen.header("anthropic-beta") == of.shape.headers.get("anthropic-beta")
    assert seen.header("openai-beta") == of.shape.headers.get("openai-beta")
    assert provider == "azure" or seen.target == of.shape.path


@pytest.mark.parametrize(("name", "provider"), PAIRS)
def test_pl_24_an_agent_understands_the_answer(replayed: Callable[[str, str], Replayed], name: str, provider: str) -> None:
    shape, reply = SHAPES[name], replayed(name, provider).reply
    if shape.refused and (name, provider) not in NATIVE_PAIRS:
        assert (reply.status, f"'{shape.refused}" in reply.json["error"]["message"]) == (400, True), reply.text
        assert replayed(name, provider).seen == []
        return
    assert reply.status == 200, reply.text
    if shape.counts:
        assert reply.json["input_tokens"] > 0
    elif not shape.body.get("stream"):
        assert (reply.json["type"], reply.json["content"][0]["type"]) == ("message", "text")
    else:
        _judge(shape, replay.hear(shape, reply), reply.headers.get("x-ostiary-dropped", ""))


def _judge(shape: Shape, heard: replay.Heard, dropped: str) -> None:
    assert all(quote in heard.text for quote in shape.quotes), heard.text
    if shape.parses:
        assert list(json.loads(heard.text)) == list(shape.parses)
    if shape.calls:
        schemas = {tool.get("name"): tool.get("input_schema") or tool.get("parameters") for tool in shape.body["tools"]}
        assert heard.calls[0][0] == shape.calls, heard.calls
        for called, arguments in heard.calls:
            jsonschema.validate(arguments, schemas[called] or {"type": "string"})  # a custom tool is given a text
        alone = shape.body.get("parallel_tool_calls") is False and "parallel_tool_calls" not in dropped
        assert not alone or len(heard.calls) == 1, heard.calls


def test_pl_24_what_is_lost_on_the_way_is_listed(replayed: Callable[[str, str], Replayed]) -> None:
    """Nothing where the provider speaks what the client speaks; else what dropped.json says, and nothing more."""
    lost: dict[str, dict[str, str]] = {name: {} for name in SHAPES}
    for name, provider in PAIRS:
        lost[name][provider] = replayed(name, provider).reply.headers.get("x-ostiary-dropped", "")
    assert [pair for pair in NATIVE_PAIRS if lost[pair[0]][pair[1]]] == []
    shown = json.dumps(lost, indent=1) + "\n"
    if os.environ.get("WRITE"):
        DROPPED.write_text(shown)
    assert DROPPED.read_text() == shown


@pytest.mark.parametrize("provider", providers.PROVIDERS)
def test_pl_24_beta_words_of_a_vendor_reach_no_other(replayed: Callable[[str, str], Replayed], provider: str) -> None:
    own = provider in providers.NATIVE["messages"]
    for name in SHAPES:
        for seen in replayed(name, provider).seen:
            assert own or seen.header("anthropic-beta") is None, (name, seen.headers)
            assert seen.header("authorization") != f"Bearer {KEY}", name
