"""What the translation writes, held to the strict fakes and to the types of the official SDKs.

The golden cases are made and checked by tests/njs/translate_golden.test.js. Here `sent` must be accepted as the real API would
accept it, and `shown`, `shown_stream` and `shown_error` must be what the client's SDK expects, as must the inputs be what the
provider's would, so that neither half can drift from the APIs.
"""

import importlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import types as anthropic
from anthropic.lib.streaming._messages import accumulate_event
from openai import types as openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types import chat, responses
from pydantic import BaseModel, TypeAdapter

from ostiary_gateway.contract.dialect import TRANSLATIONS
from ostiary_gateway.fake import strict

FOLDER = Path(__file__).parents[2] / "golden/translate"
PAIRS = [(client, provider) for client, providers in TRANSLATIONS.items() for provider in providers]

ANSWERS: dict[str, TypeAdapter[Any]] = {
    "chat": TypeAdapter(chat.ChatCompletion),
    "completions": TypeAdapter(openai.Completion),
    "embeddings": TypeAdapter(openai.CreateEmbeddingResponse),
    "messages": TypeAdapter(anthropic.Message),
    "responses": TypeAdapter(responses.Response),
}
EVENTS: dict[str, TypeAdapter[Any]] = {
    "chat": TypeAdapter(chat.ChatCompletionChunk),
    "completions": TypeAdapter(openai.Completion),
    "messages": TypeAdapter(anthropic.RawMessageStreamEvent),
    "responses": TypeAdapter(responses.ResponseStreamEvent),
}
BESIDE = {"reasoning_content", "thinking_blocks", "extra_content"}
"""Fields that OpenAI does not have and LiteLLM, DeepSeek and Google have taught its clients."""


def _cases(client: str, provider: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((FOLDER / f"{client}-to-{provider}").glob("*.json")):
        yield path.stem, json.loads(path.read_text())


def _extras(value: object) -> Iterator[str]:
    """The fields that the SDK's models do not know."""
    if isinstance(value, BaseModel):
        yield from (name for name in value.model_extra or () if name not in BESIDE)
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _extras(inner)


def _fit(adapter: TypeAdapter[Any], value: object, name: str) -> Any:
    model = adapter.validate_json(json.dumps(value), strict=True)
    assert list(_extras(model)) == [], name
    return model


@pytest.mark.parametrize(("client", "provider"), PAIRS, ids=str)
def test_pl_24_providers_accept_what_is_sent(client: str, provider: str) -> None:
    check = importlib.import_module(f"{strict.__name__}.{provider}").check
    sent = [(name, case["sent"]) for name, case in _cases(client, provider) if "sent" in case]
    assert sent
    for name, body in sent:
        assert check(body) is None, name


@pytest.mark.parametrize(("client", "provider"), PAIRS, ids=str)
def test_pl_24_what_is_refused_or_dropped_has_its_name(client: str, provider: str) -> None:
    for name, case in _cases(client, provider):
        if "refused" in case:
            assert case["refused"]["param"], name
            assert case["refused"]["param"] in case["refused"]["message"], name
        for field in case.get("dropped", ()):
            assert re.fullmatch(r"[!-+\--~]+", field), name  # no comma: the header is a list


@pytest.mark.parametrize(("client", "provider"), [pair for pair in PAIRS if pair[0] in ANSWERS], ids=str)
def test_pl_24_clients_understand_what_is_shown(client: str, provider: str) -> None:
    shown = [(name, case["shown"]) for name, case in _cases(client, provider) if "shown" in case]
    assert shown
    for name, answer in shown:
        _fit(ANSWERS[client], answer, name)


@pytest.mark.parametrize(("client", "provider"), [pair for pair in PAIRS if pair[0] in EVENTS], ids=str)
def test_pl_24_clients_understand_streams(client: str, provider: str) -> None:
    streams = [(name, case["shown_stream"]) for name, case in _cases(client, provider) if "shown_stream" in case]
    assert streams
    for name, events in streams:
        _check_stream(client, events, name)


def _check_stream(client: str, events: list[Any], name: str) -> None:
    models = [_fit(EVENTS[client], _told(event), name) for event in events if not _is_aside(event)]
    if client == "messages":
        _fold_messages(models)
    if client == "chat":
        _fold_chat(models)


def _fold_messages(events: list[Any]) -> None:
    """As the SDK puts a message together: blocks begin, go on and end in their order, and arguments are JSON."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for event in events:
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    for buffer in buffers.values():
        json.loads(buffer)


def _fold_chat(chunks: list[Any]) -> None:
    state = ChatCompletionStreamState[None]()
    for chunk in chunks:
        state.handle_chunk(chunk)
    for choice in state.current_completion_snapshot.choices:
        for call in choice.message.tool_calls or ():
            json.loads(call.function.arguments)


def _told(event: dict[str, Any]) -> dict[str, Any]:
    """Completions say `finish_reason: null` until the end, which the SDK reads though its type has no null."""
    if event.get("object") != "text_completion":
        return event
    return {**event, "choices": [{**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in event["choices"]]}


def test_pl_24_requests_of_any_shape_are_accepted() -> None:
    """Random ones, said by the writer of each client's dialect, translated into each provider's."""
    for client, providers in _random("requests", 40).items():
        for provider, bodies in providers.items():
            check = importlib.import_module(f"{strict.__name__}.{provider}").check
            assert bodies
            assert [problem for body in bodies if (problem := check(body))] == [], f"{client} to {provider}"


def test_pl_24_clients_understand_streams_of_any_shape() -> None:
    """Random ones, told by the writer of each provider's dialect, and shown to each client."""
    for client, providers in _random("streams", 12).items():
        for provider, streams in providers.items():
            for events in streams:
                _check_stream(client, events, f"{client} from {provider}")


def _random(what: str, number: int) -> dict[str, dict[str, list[Any]]]:
    """By client and provider, as tests/njs/random_<what>.js makes them."""
    command = ["node", f"tests/njs/random_{what}.js", str(number)]
    node = subprocess.run(command, cwd=FOLDER.parents[2], capture_output=True, text=True, check=False)
    assert node.returncode == 0, node.stderr
    found: dict[str, dict[str, list[Any]]] = json.loads(node.stdout)
    return found


def _is_aside(event: Any) -> bool:
    """Comments, pings, errors and the end mark, which the SDKs read before they look for a type."""
    return isinstance(event, str) or "error" in event or event.get("type") in ("ping", "error")


@pytest.mark.parametrize("dialect", sorted(EVENTS))
def test_pl_24_the_inputs_are_what_providers_say(dialect: str) -> None:
    path = FOLDER / f"inputs/answers/{dialect}.json"
    for name, case in json.loads(path.read_text() if path.exists() else "{}").items():
        if "answer" in case:
            _fit(ANSWERS[dialect], case["answer"], name)
        for event in case.get("stream", ()):
            if not _is_aside(event):
                _fit(EVENTS[dialect], event, name)
