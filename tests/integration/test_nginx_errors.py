"""What nginx itself refuses is said as JSON in the caller's dialect; large bodies pass (issue: Bad input, everywhere)."""

import hashlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from tests.support import sample
from tests.support.client import Reply, call, send_raw
from tests.support.gateway import Gateway
from tests.support.provider import Provider
from tests.support.wait import until

CHAT, MESSAGES, OPEN = "/v1/chat/completions", "/v1/messages", "/open/echo"
PATHS = [CHAT, MESSAGES, OPEN]
LIMIT = 32 * 1024 * 1024
KEY = f"Authorization: Bearer {sample.ALL}"


def assert_json_error(reply: Reply | None, path: str, status: int) -> None:
    """The dialect's shape, the status inside as well as outside, and a request id; no HTML."""
    assert reply is not None
    assert reply.status == status, reply
    assert reply.headers["content-type"] == "application/json"
    request_id = reply.headers["x-request-id"]
    assert request_id
    body = reply.json
    if path == MESSAGES:
        assert (body["type"], body["request_id"], reply.headers["request-id"]) == ("error", request_id, request_id)
        assert body["error"]["message"]
    elif path == CHAT:
        assert body["error"]["code"] == status
        assert body["error"]["message"]
    else:
        assert body["request_id"] == request_id
        assert isinstance(body["error"], str)
    assert sample.ALL not in reply.text


def raw(path: str, *lines: str, method: str = "POST", body: bytes = b"") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: gateway", *lines, "", ""]).encode() + body


@pytest.mark.parametrize("path", PATHS)
def test_413_body_above_the_limit(gateway: Gateway, path: str) -> None:
    assert_json_error(send_raw(gateway.base_url, raw(path, KEY, f"Content-Length: {LIMIT + 1}")), path, 413)


@pytest.mark.parametrize("path", PATHS)
def test_413_chunked_body_above_the_limit(gateway: Gateway, path: str) -> None:
    size = 1 << 20
    chunk = b"%x\r\n" % size + b" " * size + b"\r\n"
    request = raw(path, KEY, "Transfer-Encoding: chunked") + chunk * 33
    reply = send_raw(gateway.base_url, request)
    assert reply is None or reply.status == 413
    if reply is not None:
        assert_json_error(reply, path, 413)


@pytest.mark.parametrize("path", PATHS)
def test_414_line_too_long(gateway: Gateway, path: str) -> None:
    reply = send_raw(gateway.base_url, raw(f"{path}?{'x' * 70_000}", KEY))
    assert reply is not None
    assert reply.status == 414
    assert reply.headers["content-type"] == "application/json"
    assert json.loads(reply.body)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("lines", [[f"x-big: {'x' * 70_000}"], [f"x-{n}: {'x' * 4000}" for n in range(60)]])
def test_431_headers_too_large(gateway: Gateway, path: str, lines: list[str]) -> None:
    reply = send_raw(gateway.base_url, raw(path, KEY, *lines))
    assert reply is not None
    assert reply.status in {400, 431}
    assert reply.headers["content-type"] == "application/json"
    assert json.loads(reply.body)


@pytest.mark.parametrize(
    "data",
    [
        b"GARBAGE\r\n\r\n",
        b"POST /v1/chat/completions HTTP/9.9.9\r\nHost: x\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
        b"POST /v1/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /open/\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["garbage", "version", "no-host", "no-colon", "length", "percent", "nul"],
)
def test_400_what_is_not_http(gateway: Gateway, data: bytes) -> None:
    reply = send_raw(gateway.base_url, data)
    assert reply is not None
    assert reply.status in {400, 505}
    assert reply.headers["content-type"] == "application/json"
    assert json.loads(reply.body)


def test_plain_http_1_0_is_answered_in_json(gateway: Gateway) -> None:
    reply = send_raw(gateway.base_url, b"GET /nobody HTTP/1.0\r\n\r\n")
    assert reply is not None
    assert 400 <= reply.status < 500
    assert reply.headers["content-type"] == "application/json"


def test_405_method_that_nginx_does_not_know(gateway: Gateway) -> None:
    for method in ("TRACE", "CONNECT", "BREW"):
        reply = send_raw(gateway.base_url, raw(CHAT, KEY, "Content-Length: 0", method=method))
        assert reply is not None, method
        assert reply.status in {400, 405}, method
        assert reply.headers["content-type"] == "application/json"


def test_client_that_hangs_up_in_its_body_harms_no_one(gateway: Gateway) -> None:
    for path in PATHS:
        target = urlsplit(gateway.base_url)
        with socket.create_connection((target.hostname or "", target.port or 0)) as connection:
            connection.sendall(raw(path, KEY, "Content-Length: 100", body=b'{"model":'))
    assert call(gateway.base_url, "/healthz").status == 200
    gateway.idle()


@pytest.mark.parametrize("size", [1 << 20, LIMIT])
def test_body_up_to_the_limit_passes_through_as_it_is(gateway: Gateway, provider: Provider, size: int) -> None:
    body = os.urandom(1 << 16) * (size >> 16)
    headers = {"x-request-id": f"large-{size}"}
    reply = call(gateway.base_url, OPEN, body, key=sample.ALL, headers=headers)
    assert reply.status == 200
    assert reply.body == body
    seen = provider.find(f"large-{size}")[-1]
    assert (seen.length, seen.sha256) == (size, hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [100_000, 32_000_000])
def test_large_managed_body_reaches_the_provider(gateway: Gateway, provider: Provider, size: int, *, chunked: bool) -> None:
    """The model is spliced, all else is as the client wrote it."""
    rest = b'","messages":[{"role":"user","content":"' + b"x\xc3\xa9\\n" * (size // 5) + b'"}],"n": 1.0}'
    body = b'{"model":"openai/hello' + rest
    request_id = f"managed-{size}-{chunked}"
    lines = [KEY, f"x-request-id: {request_id}", "Content-Type: application/json"]
    if chunked:
        data = raw(CHAT, *lines, "Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        data = raw(CHAT, *lines, f"Content-Length: {len(body)}") + body
    reply = send_raw(gateway.base_url, data)
    assert reply is not None
    assert reply.status == 200, reply
    seen = provider.find(request_id)[-1]
    assert seen.sha256 == hashlib.sha256(b'{"model":"hello' + rest).hexdigest()


def test_answer_larger_than_two_megabytes_arrives_whole(gateway: Gateway) -> None:
    reply = call(gateway.base_url, "/open/big-16384/x", key=sample.ALL)
    assert (reply.status, len(reply.body)) == (200, 16384 * 1024)


def test_body_that_comes_slowly_is_waited_for(gateway: Gateway) -> None:
    body = json.dumps({"model": "openai/echo", "messages": [{"role": "user", "content": "slow"}]}).encode()
    target = urlsplit(gateway.base_url)
    with socket.create_connection((target.hostname or "", target.port or 0), timeout=10) as connection:
        connection.sendall(raw(CHAT, KEY, f"Content-Length: {len(body)}", "Connection: close"))
        for start in range(0, len(body), 20):
            connection.sendall(body[start : start + 20])
            time.sleep(0.02)  # a slow client is what is tested
        assert connection.makefile("rb").read().startswith(b"HTTP/1.1 200")


def test_408_body_that_does_not_come_ends_the_connection(new_gateway: Callable[..., Gateway], provider: Provider) -> None:
    """Here nginx hangs up instead of saying 408. Its patience of a minute is cut to a second for this test."""
    gateway = new_gateway().start(sample.providers(provider.url), sample.keys())
    file = gateway.run / "nginx/http.conf"
    file.write_text(file.read_text().replace("_timeout 60s;", "_timeout 1s;"))
    before = gateway.workers()
    os.kill(gateway.nginx(), signal.SIGHUP)
    until(lambda: not set(before) & set(gateway.workers()), "workers with the new patience")
    for path in PATHS:
        assert send_raw(gateway.base_url, raw(path, KEY, "Content-Length: 100", body=b'{"model":')) is None
    assert send_raw(gateway.base_url, b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n") is None
    assert call(gateway.base_url, "/healthz").status == 200
    gateway.idle()
    assert {record["ended"] for record in gateway.ledger()} <= {"client_closed"}
