"""`/<prefix>/...`: everything goes through untouched, for callers whose key is listed (LM-01 to LM-09, LM-13)."""

import base64
from uuid import uuid4

import pytest
from tests.support import sample
from tests.support.client import Reply, call
from tests.support.gateway import Gateway
from tests.support.provider import Provider

FORBIDDEN = {"error": "forbidden", "message": "API key not authorized"}


def assert_forbidden(reply: Reply) -> None:
    assert reply.status == 403
    assert reply.headers["content-type"] == "application/json"
    body = reply.json
    assert body.pop("request_id") == reply.headers["x-request-id"]
    assert body == FORBIDDEN


def try_path(gateway: Gateway, headers: dict[str, str], path: str = "/open/echo") -> tuple[Reply, str]:
    """One request with its own id, which tells whether it reached the provider."""
    request_id = uuid4().hex
    return call(gateway.base_url, path, b"ping", headers={"x-request-id": request_id, **headers}), request_id


def test_lm_01_healthz_is_ok_without_a_key(gateway: Gateway) -> None:
    for url in (gateway.base_url, gateway.sidecar_url):
        reply = call(url, "/healthz")
        assert (reply.status, reply.body) == (200, b"ok")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_lm_02_bearer_request_reaches_the_provider_as_it_was(gateway: Gateway, provider: Provider, method: str) -> None:
    request_id = uuid4().hex
    body = b'{"odd": 1.0,  "bytes": "\xc3\xa9"}\r\n'
    path = "/echo/a%2Fb/%C3%A9//x;y=1?q=1&q=%20&=&empty"
    headers = {"x-request-id": request_id, "x-own": "kept", "Content-Type": "application/x-odd", "Cookie": "a=b"}
    reply = call(gateway.base_url, f"/open{path}", body, method=method, key=sample.ALL, headers=headers)
    assert (reply.status, reply.body) == (200, body)
    (seen,) = provider.find(request_id)
    assert (seen.method, seen.target, seen.body) == (method, path, body)
    assert seen.all("authorization") == [f"Bearer {sample.ALL}"]
    assert seen.header("x-own") == "kept"
    assert seen.header("cookie") == "a=b"
    assert seen.header("content-type") == "application/x-odd"
    assert seen.header("host") == f"127.0.0.1:{provider.port}"


def test_lm_02_accept_encoding_is_the_one_header_that_is_altered(gateway: Gateway, provider: Provider) -> None:
    reply, request_id = try_path(gateway, {"Authorization": f"Bearer {sample.ALL}", "Accept-Encoding": "gzip, br"})
    assert reply.status == 200
    assert provider.find(request_id)[0].all("accept-encoding") == ["identity"]


def test_lm_02_hop_by_hop_headers_end_here(gateway: Gateway, provider: Provider) -> None:
    hop = {"Connection": "close, x-hop", "Keep-Alive": "timeout=5", "TE": "trailers", "Upgrade": "h2c"}
    reply, request_id = try_path(gateway, {"Authorization": f"Bearer {sample.ALL}", **hop})
    assert reply.status == 200
    (seen,) = provider.find(request_id)
    assert {"keep-alive", "te", "upgrade"}.isdisjoint(name for name, _ in seen.headers)
    assert "close" not in (seen.header("connection") or "")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_lm_03_bearer_in_any_case(gateway: Gateway, scheme: str) -> None:
    assert try_path(gateway, {"Authorization": f"{scheme} {sample.ALL}"})[0].status == 200


@pytest.mark.parametrize("name", ["x-api-key", "X-Api-Key", "X-API-KEY"])
def test_lm_04_x_api_key_in_any_case(gateway: Gateway, name: str) -> None:
    assert try_path(gateway, {name: sample.ALL})[0].status == 200


def test_lm_05_bearer_decides_over_x_api_key(gateway: Gateway) -> None:
    good, bad = sample.ALL, sample.UNKNOWN
    assert_forbidden(try_path(gateway, {"Authorization": f"Bearer {bad}", "x-api-key": good})[0])
    assert try_path(gateway, {"Authorization": f"Bearer {good}", "x-api-key": bad})[0].status == 200


def test_lm_06_empty_bearer_is_no_key(gateway: Gateway) -> None:
    assert_forbidden(try_path(gateway, {"Authorization": "Bearer "})[0])


def test_lm_07_another_scheme_is_no_key_but_leaves_x_api_key(gateway: Gateway) -> None:
    basic = "Basic " + base64.b64encode(f"user:{sample.ALL}".encode()).decode()
    assert_forbidden(try_path(gateway, {"Authorization": basic})[0])
    assert try_path(gateway, {"Authorization": basic, "x-api-key": sample.ALL})[0].status == 200


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({"api-key": sample.ALL}, "/open/echo"),
        ({"x-goog-api-key": sample.ALL}, "/open/echo"),
        ({}, f"/open/echo?key={sample.ALL}"),
        ({"Authorization": f"AWS4-HMAC-SHA256 Credential={sample.ALL}/20260101/us-east-1/x"}, "/open/echo"),
        ({"Cookie": f"authorization=Bearer {sample.ALL}"}, "/open/echo"),
    ],
    ids=["api-key", "x-goog-api-key", "query", "aws", "cookie"],
)
def test_lm_08_no_other_place_holds_a_key(gateway: Gateway, headers: dict[str, str], path: str) -> None:
    assert_forbidden(try_path(gateway, headers, path)[0])


@pytest.mark.parametrize("key", [None, sample.UNKNOWN, sample.ALL + "x", sample.ALL[:-1], sample.ALL.upper()])
def test_lm_09_missing_or_unknown_key_is_refused_before_the_provider(
    gateway: Gateway, provider: Provider, key: str | None
) -> None:
    reply, request_id = try_path(gateway, {} if key is None else {"Authorization": f"Bearer {key}"})
    assert_forbidden(reply)
    assert provider.find(request_id) == []


@pytest.mark.parametrize("key", [sample.DISABLED, sample.EXPIRED])
def test_lm_09_a_key_that_is_out_of_force_is_unknown_here(gateway: Gateway, provider: Provider, key: str) -> None:
    reply, request_id = try_path(gateway, {"Authorization": f"Bearer {key}"})
    assert reply.status == 403
    assert reply.json["error"] == "forbidden"
    assert provider.find(request_id) == []


def test_unknown_prefix_is_not_found(gateway: Gateway) -> None:
    reply = call(gateway.base_url, "/nobody/v1/models", key=sample.ALL)
    assert (reply.status, reply.json["error"]) == (404, "not_found")


def test_key_that_may_use_only_some_models_is_refused_where_the_body_is_not_read(gateway: Gateway, provider: Provider) -> None:
    reply, request_id = try_path(gateway, {"Authorization": f"Bearer {sample.ONLY_ECHO}"}, "/openai/echo")
    assert_forbidden(reply)
    assert provider.find(request_id) == []
    assert try_path(gateway, {"Authorization": f"Bearer {sample.ONLY_OPEN}"}, "/open/echo")[0].status == 200
    assert_forbidden(try_path(gateway, {"Authorization": f"Bearer {sample.ONLY_OPEN}"}, "/openai/echo")[0])


@pytest.mark.parametrize("dots", ["/open/../openai/echo", "/open/%2e%2e/openai/echo", "/open/.%2E/echo", "/open/a/./b"])
def test_dot_segments_are_refused(gateway: Gateway, provider: Provider, dots: str) -> None:
    reply, request_id = try_path(gateway, {"Authorization": f"Bearer {sample.ALL}"}, dots)
    assert reply.status == 400
    assert provider.find(request_id) == []


@pytest.mark.parametrize(
    ("prefix", "header", "value"),
    [
        ("openai", "authorization", f"Bearer {sample.OPENAI_CREDENTIAL}"),
        ("anthropic", "x-api-key", sample.ANTHROPIC_CREDENTIAL),
        ("google", "x-goog-api-key", sample.GOOGLE_CREDENTIAL),
    ],
)
def test_held_credential_takes_the_place_of_the_callers(
    gateway: Gateway, provider: Provider, prefix: str, header: str, value: str
) -> None:
    given = {
        "Authorization": f"Bearer {sample.ALL}",
        "x-api-key": sample.ALL,
        "api-key": sample.ALL,
        "x-goog-api-key": sample.ALL,
        "Cookie": f"session={sample.ALL}",
    }
    reply, request_id = try_path(gateway, given, f"/{prefix}/echo/x")
    assert reply.status == 200
    (seen,) = provider.find(request_id)
    shown = {name: content for name, content in seen.headers if name in {*map(str.lower, given)}}
    assert shown == {header: value}
    assert sample.ALL not in seen.text


def test_base_path_of_the_provider_comes_first(gateway: Gateway, provider: Provider) -> None:
    request_id = uuid4().hex
    body = {"model": "echo", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"x-request-id": request_id}
    reply = call(gateway.base_url, "/compat/v1/chat/completions?a=b", body, key=sample.ALL, headers=headers)
    assert reply.status == 200
    assert provider.find(request_id)[0].target == "/base/path/v1/chat/completions?a=b"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504, 529])
def test_lm_13_upstream_errors_are_transparent(gateway: Gateway, provider: Provider, status: int) -> None:
    path = f"/status-{status}/v1/x"
    direct, through = call(provider.url, path), call(gateway.base_url, f"/open{path}", key=sample.ALL)
    assert (through.status, through.body) == (direct.status, direct.body)
    assert through.headers["content-type"] == direct.headers["content-type"]
    assert through.json["error"]["message"] == f"scripted status {status}"


def test_lm_13_retry_after_and_html_are_transparent(gateway: Gateway) -> None:
    limited = call(gateway.base_url, "/open/retry-after-7/x", key=sample.ALL)
    assert (limited.status, limited.headers["retry-after"]) == (429, "7")
    page = call(gateway.base_url, "/open/html-502/x", key=sample.ALL)
    assert (page.status, page.headers["content-type"]) == (502, "text/html")
    assert b"<h1>502</h1>" in page.body
