"""ThinkPixel's acceptance table (behaviour.md 3.2), but for limits and money, which have files of their own."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support import sample
from tests.support.client import Reply, call
from tests.support.gateway import Gateway
from tests.support.manifests import model
from tests.support.provider import Provider

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]


def ask(gateway: Gateway, body: object, key: str | None = sample.ALL, **headers: str) -> Reply:
    return call(gateway.base_url, CHAT, body, key=key, headers=headers)


@pytest.fixture(scope="module", autouse=True)
def alias(gateway: Gateway) -> Iterator[None]:
    gateway.apply(model("tp/gpt-4-turbo", "openai/echo", aliases=["my-gpt4"]), file="thinkpixel")
    yield
    gateway.remove("thinkpixel")


def test_tp_01_health_is_ok_and_says_more_to_who_asks_for_json(gateway: Gateway) -> None:
    plain = call(gateway.base_url, "/health")
    assert (plain.status, plain.body, plain.headers["content-type"]) == (200, b"OK", "text/plain")
    told = call(gateway.base_url, "/health", headers={"accept": "application/json"})
    assert (told.status, told.json["status"]) == (200, "healthy")
    assert told.json["version"][0].isdigit()
    assert abs((datetime.fromisoformat(told.json["timestamp"]) - datetime.now(UTC)).total_seconds()) < 60


def test_tp_02_an_answer_has_openais_shape(gateway: Gateway) -> None:
    answer = ask(gateway, {"model": "openai/echo", "messages": HELLO}).json
    assert answer["object"] == "chat.completion"
    assert {"id", "created", "model", "choices", "usage"} <= answer.keys()
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= answer["usage"].keys()


def test_tp_03_a_stream_is_data_lines_that_end_with_done(gateway: Gateway) -> None:
    reply = ask(gateway, {"model": "openai/echo", "messages": HELLO, "stream": True})
    assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    events = [line for line in reply.body.decode().split("\n") if line]
    assert all(line.startswith("data: ") for line in events)
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in events[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}


@pytest.mark.parametrize("name", ["my-gpt4", "MY-GPT4", "tp/gpt-4-turbo"])
def test_tp_04_the_provider_gets_the_name_that_an_alias_stands_for(gateway: Gateway, provider: Provider, name: str) -> None:
    reply = ask(gateway, {"model": name, "messages": HELLO}, **{"x-request-id": f"tp-04-{name.replace('/', '-')}"})
    assert reply.status == 200
    (seen,) = provider.find(reply.headers["x-request-id"])
    assert json.loads(seen.body)["model"] == "echo"


@pytest.mark.parametrize(
    ("body", "key", "status", "message"),
    [
        pytest.param({"model": "openai/echo"}, sample.UNKNOWN, 401, "invalid API key", id="tp_05"),
        pytest.param({"model": "openai/echo"}, None, 401, "missing or invalid Authorization header", id="tp_06"),
        pytest.param({"model": "gpt-99"}, sample.ALL, 400, "unknown model: gpt-99", id="tp_07"),
        pytest.param({"model": "openai/echo"}, sample.DISABLED, 401, "API key disabled", id="tp_11_disabled"),
        pytest.param({"model": "openai/echo"}, sample.EXPIRED, 401, "API key expired", id="tp_11_expired"),
        pytest.param({"model": "my-gpt4"}, sample.ONLY_ECHO, 403, "API key not allowed to use this model", id="tp_12"),
        pytest.param(b"{", sample.ALL, 400, "invalid JSON body", id="tp_13_json"),
        pytest.param({"messages": HELLO}, sample.ALL, 400, "missing 'model' field", id="tp_13_model"),
    ],
)
def test_tp_10_every_refusal_has_one_shape(gateway: Gateway, body: object, key: str | None, status: int, message: str) -> None:
    reply = ask(gateway, body, key)
    assert reply.status == status
    error: dict[str, Any] = {"message": message, "type": "invalid_request_error", "param": None, "code": status}
    assert reply.json == {"error": error}


def test_tp_13_other_methods_are_refused(gateway: Gateway) -> None:
    reply = call(gateway.base_url, CHAT, method="GET", key=sample.ALL)
    assert (reply.status, reply.json["error"]["message"]) == (405, "method not allowed")


def test_tp_14_an_unreachable_provider_is_502_and_its_own_errors_pass(gateway: Gateway) -> None:
    away = ask(gateway, {"model": "dead/echo", "messages": HELLO})
    assert (away.status, away.json["error"]["message"]) == (502, "provider error")
    own = ask(gateway, {"model": "openai/status-429", "messages": HELLO})
    assert own.status == 429
    assert own.json["error"]["message"] != "provider error"


def test_tp_22_a_thousand_requests_ten_at_once(gateway: Gateway) -> None:
    body = {"model": "openai/echo", "messages": HELLO}
    with ThreadPoolExecutor(10) as pool:
        statuses = Counter(pool.map(lambda _: ask(gateway, body).status, range(1000)))
    assert statuses == {200: 1000}
