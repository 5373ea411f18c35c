"""`/v1/...`: the caller names `<provider>/<model>`, Ostiary holds the credential (ARCHITECTURE, Surfaces)."""

import json
from typing import Any
from uuid import uuid4

import pytest
from tests.support import sample
from tests.support.client import Reply, call
from tests.support.gateway import Gateway
from tests.support.provider import Provider

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
HELLO = [{"role": "user", "content": "hello"}]
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"messages": HELLO},
    MESSAGES: {"messages": HELLO, "max_tokens": 16},
    "/v1/completions": {"prompt": "hello"},
    "/v1/responses": {"input": "hello"},
    "/v1/embeddings": {"input": "hello"},
}


def ask(gateway: Gateway, model: str, path: str = CHAT, key: str | None = sample.ALL, **headers: str) -> tuple[Reply, str]:
    request_id = uuid4().hex
    body = {"model": model, **BODIES[path]}
    return call(gateway.base_url, path, body, key=key, headers={"x-request-id": request_id, **headers}), request_id


def assert_refused(reply: Reply, path: str, status: int, message: str) -> None:
    """The error is in the caller's dialect and carries the request id."""
    assert reply.status == status
    assert reply.headers["content-type"] == "application/json"
    request_id = reply.headers["x-request-id"]
    if path == MESSAGES:
        assert reply.headers["request-id"] == request_id
        body = reply.json
        assert (body["type"], body["request_id"], body["error"]["message"]) == ("error", request_id, message)
    else:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": status}
        assert reply.json == {"error": error}


@pytest.mark.parametrize(
    ("path", "model", "shown"),
    [
        (CHAT, "openai/echo", ("authorization", f"Bearer {sample.OPENAI_CREDENTIAL}")),
        ("/v1/completions", "openai/echo", ("authorization", f"Bearer {sample.OPENAI_CREDENTIAL}")),
        ("/v1/responses", "openai/echo", ("authorization", f"Bearer {sample.OPENAI_CREDENTIAL}")),
        ("/v1/embeddings", "openai/echo", ("authorization", f"Bearer {sample.OPENAI_CREDENTIAL}")),
        (MESSAGES, "anthropic/echo", ("x-api-key", sample.ANTHROPIC_CREDENTIAL)),
    ],
)
def test_prefix_picks_the_provider_and_is_cut_off(
    gateway: Gateway, provider: Provider, path: str, model: str, shown: tuple[str, str]
) -> None:
    reply, request_id = ask(gateway, model, path, Cookie="a=b", **{"x-own": "dropped", "api-key": "mine"})
    assert reply.status == 200, reply.body
    assert reply.headers["x-request-id"] == request_id
    (seen,) = provider.find(request_id)
    assert seen.target == path
    assert seen.body == json.dumps({"model": "echo", **BODIES[path]}).encode()
    assert seen.all(shown[0]) == [shown[1]]
    names = {name for name, _ in seen.headers}
    assert not names & {"cookie", "x-own", "api-key"}
    assert sample.ALL not in seen.text
    assert seen.header("accept-encoding") in {None, "identity"}


def test_base_path_comes_first_on_managed_requests_too(gateway: Gateway, provider: Provider) -> None:
    reply, request_id = ask(gateway, "compat/echo")
    assert reply.status == 200
    assert provider.find(request_id)[0].target == f"/base/path{CHAT}"


def test_model_of_the_provider_may_hold_slashes(gateway: Gateway, provider: Provider) -> None:
    reply, request_id = ask(gateway, "openai/org/echo:free@v1")
    assert reply.status == 200
    assert json.loads(provider.find(request_id)[0].body)["model"] == "org/echo:free@v1"


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    ("key", "message"),
    [
        (None, "missing or invalid Authorization header"),
        (sample.UNKNOWN, "invalid API key"),
        (sample.DISABLED, "API key disabled"),
        (sample.EXPIRED, "API key expired"),
    ],
)
def test_tp_11_key_that_is_not_in_force_is_401(gateway: Gateway, path: str, key: str | None, message: str) -> None:
    assert_refused(ask(gateway, "openai/echo", path, key)[0], path, 401, message)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "invalid JSON body"),
        (b"{", "invalid JSON body"),
        (b"[]", "invalid JSON body"),
        (b'"text"', "invalid JSON body"),
        (b"{}", "missing 'model' field"),
        (b'{"model":null}', "missing 'model' field"),
        (b'{"model":7}', "missing 'model' field"),
        (b'{"model":""}', "missing 'model' field"),
        (b'{"messages":[{"model":"openai/echo"}]}', "missing 'model' field"),
    ],
)
def test_body_that_names_no_model_is_400(gateway: Gateway, path: str, body: bytes, message: str) -> None:
    reply = call(gateway.base_url, path, body, key=sample.ALL, headers={"Content-Type": "application/json"})
    assert_refused(reply, path, 400, message)


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("model", ["echo", "nobody/echo", "open/echo", "/echo"])
def test_model_without_a_provider_is_unknown(gateway: Gateway, path: str, model: str) -> None:
    """`open` is there, but Ostiary holds no credential for it."""
    assert_refused(ask(gateway, model, path)[0], path, 400, f"unknown model: {model}")


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("model", ["openai/other", "openai/echo2", "openai/ECHO", "anthropic/echo"])
def test_model_that_the_key_may_not_use_is_403(gateway: Gateway, provider: Provider, path: str, model: str) -> None:
    reply, request_id = ask(gateway, model, path, sample.ONLY_ECHO)
    assert_refused(reply, path, 403, "API key not allowed to use this model")
    assert provider.find(request_id) == []
    assert ask(gateway, "openai/echo", CHAT, sample.ONLY_ECHO)[0].status == 200


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_wrong_method_is_405(gateway: Gateway, path: str, method: str) -> None:
    assert_refused(call(gateway.base_url, path, key=sample.ALL, method=method), path, 405, "method not allowed")


def test_unknown_endpoint_is_404_in_the_openai_shape(gateway: Gateway) -> None:
    reply = call(gateway.base_url, "/v1/nothing", {}, key=sample.ALL)
    assert reply.status == 404
    assert reply.json["error"]["code"] == 404


def test_x_api_key_names_the_caller_on_messages(gateway: Gateway, provider: Provider) -> None:
    reply, request_id = ask(gateway, "anthropic/echo", MESSAGES, None, **{"x-api-key": sample.ALL})
    assert reply.status == 200
    assert provider.find(request_id)[0].all("x-api-key") == [sample.ANTHROPIC_CREDENTIAL]


def test_headers_that_matter_to_the_provider_are_sent(gateway: Gateway, provider: Provider) -> None:
    sent = {
        "anthropic-version": "2024-01-01",
        "anthropic-beta": "tools-2024-04-04",
        "user-agent": "test/1",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "idempotency-key": "once",
    }
    reply, request_id = ask(gateway, "anthropic/echo", MESSAGES, **sent)
    assert reply.status == 200
    (seen,) = provider.find(request_id)
    assert {name: seen.header(name) for name in sent} == sent
    plain, request_id = ask(gateway, "anthropic/echo", MESSAGES)
    assert plain.status == 200
    assert provider.find(request_id)[0].header("anthropic-version") == "2023-06-01"


@pytest.mark.parametrize("own", ["a b", "x" * 129, 'quote"', "tab\tin"])
def test_request_id_that_is_not_well_formed_is_replaced(gateway: Gateway, own: str) -> None:
    body = {"model": "openai/echo", **BODIES[CHAT]}
    reply = call(gateway.base_url, CHAT, body, key=sample.ALL, headers={"x-request-id": own})
    assert reply.status == 200
    given = reply.headers["x-request-id"]
    assert given != own
    assert len(given) >= 16


def test_two_requests_get_two_ids(gateway: Gateway) -> None:
    replies = [call(gateway.base_url, CHAT, b"{", key=sample.ALL) for _ in range(3)]
    assert len({reply.headers["x-request-id"] for reply in replies}) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize(("path", "prefix"), [(CHAT, "openai"), (MESSAGES, "anthropic")])
def test_lm_13_upstream_errors_are_transparent_on_managed_requests(gateway: Gateway, path: str, prefix: str, status: int) -> None:
    reply, request_id = ask(gateway, f"{prefix}/status-{status}", path)
    assert reply.status == status
    assert reply.json["error"]["message"] == f"scripted status {status}"
    assert reply.headers["x-request-id"] == request_id


def test_models_lists_what_the_key_may_name(gateway: Gateway) -> None:
    reply = call(gateway.base_url, "/v1/models", key=sample.ONLY_ECHO)
    assert reply.status == 200
    listed = reply.json
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["openai/echo"]
    everything = {model["id"] for model in call(gateway.base_url, "/v1/models", key=sample.ALL).json["data"]}
    assert {"openai/*", "anthropic/*", "google/*", "compat/*"} <= everything
    assert "open/*" not in everything


@pytest.mark.parametrize(
    ("key", "message"), [(None, "missing or invalid Authorization header"), (sample.UNKNOWN, "invalid API key")]
)
def test_models_needs_a_key(gateway: Gateway, key: str | None, message: str) -> None:
    assert_refused(call(gateway.base_url, "/v1/models", key=key), CHAT, 401, message)


def test_models_takes_get_only(gateway: Gateway) -> None:
    assert_refused(call(gateway.base_url, "/v1/models", {}, key=sample.ALL), CHAT, 405, "method not allowed")
