"""Connections to providers: kept, bounded in time, and one that fails is nobody else's business."""

import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support import sample
from tests.support.client import call
from tests.support.gateway import Gateway
from tests.support.manifests import provider as build_provider
from tests.support.provider import Provider

CHAT = "/v1/chat/completions"


def chat(model: str) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}]}


@pytest.mark.parametrize(("path", "model"), [(CHAT, "openai/echo"), (f"/open{CHAT}", "echo")])
def test_connections_to_a_provider_are_kept(gateway: Gateway, provider: Provider, path: str, model: str) -> None:
    """Each nginx worker keeps its own, and twenty requests in a row need no third."""
    ids = [uuid4().hex for _ in range(20)]
    for request_id in ids:
        headers = {"x-request-id": request_id}
        assert call(gateway.base_url, path, chat(model), key=sample.ALL, headers=headers).status == 200
    used = {seen.connection for seen in provider.seen() if seen.header("x-request-id") in ids}
    assert len(used) <= 2
    assert all(seen.header("connection") in {None, "keep-alive"} for seen in provider.seen())


@pytest.mark.parametrize("model", ["dead/echo", "gone/echo", "openai/drop"])
def test_unreachable_provider_is_502(gateway: Gateway, model: str) -> None:
    reply = call(gateway.base_url, CHAT, chat(model), key=sample.ALL)
    assert (reply.status, reply.json["error"]["message"]) == (502, "provider error")
    assert reply.json["error"]["code"] == 502


@pytest.mark.parametrize("prefix", ["dead", "gone"])
def test_unreachable_provider_is_502_on_pass_through(gateway: Gateway, prefix: str) -> None:
    reply = call(gateway.base_url, f"/{prefix}/v1/x", key=sample.ALL)
    assert (reply.status, reply.json["message"]) == (502, "provider error")
    assert reply.json["request_id"]


def test_silent_provider_is_504(gateway: Gateway) -> None:
    start = time.monotonic()
    reply = call(gateway.base_url, CHAT, chat("openai/hang"), key=sample.ALL)
    assert (reply.status, reply.json["error"]["message"]) == (504, "provider timeout")
    assert 1.5 < time.monotonic() - start < 6


def test_post_is_never_sent_twice(gateway: Gateway, provider: Provider) -> None:
    """Where the provider drops the connection, the caller decides whether to try again."""
    for path, model in ((CHAT, "openai/drop"), (f"/open{CHAT}", "drop")):
        request_id = uuid4().hex
        reply = call(gateway.base_url, path, chat(model), key=sample.ALL, headers={"x-request-id": request_id})
        assert reply.status == 502
        assert len(provider.find(request_id)) == 1


def test_providers_in_trouble_do_not_slow_down_others(gateway: Gateway) -> None:
    bad = ["gone/echo", "dead/echo", "openai/hang"] * 8
    with ThreadPoolExecutor(len(bad)) as pool:
        waiting = [pool.submit(call, gateway.base_url, CHAT, chat(model), key=sample.ALL) for model in bad]
        slowest = 0.0
        while not all(one.done() for one in waiting):
            start = time.monotonic()
            assert call(gateway.base_url, CHAT, chat("openai/echo"), key=sample.ALL).status == 200
            slowest = max(slowest, time.monotonic() - start)
    assert {one.result().status for one in waiting} == {502, 504}
    assert slowest < 1


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of its own making for `localhost`, with its key, in one file."""
    file = tmp_path / "certificate.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


def test_tls_providers_are_verified(new_gateway: Callable[..., Gateway], certificate: Path, tmp_path: Path) -> None:
    provider = Provider(tmp_path / "provider.log", certificate=certificate)
    try:
        url = f"https://localhost:{provider.port}"
        manifests = [*build_provider("safe", url, credential="sk-x"), *sample.keys()]
        trusting = new_gateway(ca_file=certificate).start(manifests)
        reply = call(trusting.base_url, CHAT, chat("safe/echo"), key=sample.ALL)
        assert (reply.status, reply.json["choices"][0]["message"]["content"]) == (200, "hello")
        wary = new_gateway().start(manifests)
        assert call(wary.base_url, CHAT, chat("safe/echo"), key=sample.ALL).status == 502
    finally:
        provider.stop()
