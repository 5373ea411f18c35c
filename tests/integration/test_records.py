"""Every proxied request leaves exactly one record (LM-15, LM-20, LM-21, LM-23, LM-24 and ARCHITECTURE, How it ended)."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from http.client import IncompleteRead
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from tests.support import sample
from tests.support.client import call, stream
from tests.support.gateway import Gateway
from tests.support.process import REPOSITORY
from tests.support.wait import until

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
HELLO = [{"role": "user", "content": "a secret question"}]
Record = dict[str, Any]


def recorded(gateway: Gateway, path: str, body: object = None, key: str = sample.ALL) -> Record:
    """The record of one request, whose answer may break off."""
    request_id = uuid4().hex
    with suppress(IncompleteRead):
        headers = {"x-request-id": request_id, "anthropic-version": "2023-06-01"}
        call(gateway.base_url, path, body, key=key, headers=headers)
    return gateway.record(request_id)


def chat(script: str, *, streamed: bool = False) -> dict[str, Any]:
    options = {"stream_options": {"include_usage": True}} if streamed else {}
    return {"model": script, "messages": HELLO, "stream": streamed, **options}


def message(script: str, *, streamed: bool = False) -> dict[str, Any]:
    return {"model": script, "messages": HELLO, "stream": streamed, "max_tokens": 9}


def test_lm_20_record_says_who_what_and_how(gateway: Gateway) -> None:
    before = datetime.now(UTC)
    record = recorded(gateway, f"{CHAT}?trace=1", chat("openai/cached"))
    ended = datetime.fromisoformat(record["timestamp"])
    assert before.timestamp() - 0.01 <= ended.timestamp() <= datetime.now(UTC).timestamp()
    assert record["timestamp"].endswith("Z")
    expected = {
        "key_id": "default/all",
        "key_name": "all",
        "namespace": "default",
        "owner": "all@example.test",
        "masked_key": sample.ALL[-6:],
        "surface": "managed",
        "method": "POST",
        "endpoint": f"{CHAT}?trace=1",
        "provider": "openai",
        "requested_model": "openai/cached",
        "model": "cached",
        "status": 200,
        "ended": "completed",
        "stream": False,
        "usage_source": "provider",
    }
    assert {name: record[name] for name in expected} == expected
    assert record.get("error_type") is None
    counts = {"input_tokens": 11, "output_tokens": 8, "cache_read_tokens": 4, "reasoning_tokens": 3}
    assert {name: record["usage"][name] for name in counts} == counts
    (attempt,) = record["attempts"]
    assert (attempt["status"], attempt["provider"]) == (200, "openai")
    assert record["duration_ms"] >= record["first_byte_ms"] >= 0
    assert record["request_bytes"] > 100
    assert record["response_bytes"] > 300


def test_lm_20_record_follows_the_published_schema(gateway: Gateway) -> None:
    schema = json.loads((REPOSITORY / "gateway/ledger-record.schema.json").read_text())
    jsonschema.validate(recorded(gateway, CHAT, chat("openai/echo")), schema)
    jsonschema.validate(recorded(gateway, "/open/html-500/x"), schema)


GOOGLE = "/google/v1beta/models/{}:{}"
WHOLE = [
    (CHAT, chat("openai/cached"), (11, 8, 4, None, 3)),
    (CHAT, chat("openai/cached", streamed=True), (11, 8, 4, None, 3)),
    (f"/open{CHAT}", chat("cached.crlf.split-3", streamed=True), (11, 8, 4, None, 3)),
    (f"/open{CHAT}", chat("cached.nospace.split-11", streamed=True), (11, 8, 4, None, 3)),
    ("/v1/completions", {"model": "openai/hello", "prompt": "x"}, (11, 5, 0, None, 0)),
    ("/v1/responses", {"model": "openai/cached", "input": "x"}, (11, 8, 4, None, 3)),
    ("/v1/responses", {"model": "openai/cached.split-9", "input": "x", "stream": True}, (11, 8, 4, None, 3)),
    (MESSAGES, message("anthropic/cached"), (17, 5, 4, 2, None)),
    (MESSAGES, message("anthropic/cached.split-5", streamed=True), (17, 5, 4, 2, None)),
    (f"/anthropic{MESSAGES}", message("cached.crlf.cumulative", streamed=True), (17, 5, 4, 2, None)),
    (GOOGLE.format("cached", "generateContent"), {"contents": []}, (11, 8, 4, None, 3)),
    (GOOGLE.format("cached", "streamGenerateContent?alt=sse"), {"contents": []}, (11, 8, 4, None, 3)),
    (GOOGLE.format("cached.split-3", "streamGenerateContent"), {"contents": []}, (11, 8, 4, None, 3)),
    (CHAT, chat("openai/zero"), (0, 0, None, None, None)),
    (CHAT, chat("openai/big-900", streamed=True), (11, 900, 0, None, 0)),
    (CHAT, chat("openai/big-900"), (11, 900, 0, None, 0)),
]


@pytest.mark.parametrize(("path", "body", "counts"), WHOLE, ids=[f"{path}-{n}" for n, (path, _, _) in enumerate(WHOLE)])
def test_lm_20_tokens_of_every_dialect(gateway: Gateway, path: str, body: object, counts: tuple[int | None, ...]) -> None:
    record = recorded(gateway, path, body)
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
    known = {name: count for name, count in zip(names, counts, strict=True) if count is not None}
    assert {name: record["usage"].get(name) for name in known} == known
    assert (record["usage_source"], record["ended"], record["status"]) == ("provider", "completed", 200)
    assert record["model"]


def test_lm_20_embeddings_have_no_output(gateway: Gateway) -> None:
    record = recorded(gateway, "/v1/embeddings", {"model": "openai/hello", "input": "x"})
    assert record["usage"]["input_tokens"] == 11
    assert record["usage_source"] == "provider"


def test_gz_07_an_answer_without_usage_is_counted(gateway: Gateway) -> None:
    record = recorded(gateway, CHAT, chat("openai/nousage"))
    assert (record["usage_source"], record["tokenizer"]) == ("estimated", "o200k_base")
    assert record["usage"]["input_tokens"] == 3 + 7  # the question, and what a chat puts around it
    assert record["usage"]["output_tokens"] > 0


@pytest.mark.parametrize("key", [sample.UNKNOWN, sample.DISABLED])
def test_lm_21_refusals_leave_no_record(gateway: Gateway, key: str) -> None:
    gateway.idle()
    before, issued = len(gateway.ledger()), gateway.status()["issued"]
    for path in (CHAT, f"/open{CHAT}"):
        assert call(gateway.base_url, path, chat("openai/echo"), key=key).status in {401, 403}
    assert call(gateway.base_url, CHAT, chat("nobody/echo"), key=sample.ALL).status == 400
    assert call(gateway.base_url, CHAT, b"{", key=sample.ALL).status == 400
    gateway.idle()
    assert gateway.status()["issued"] == issued
    assert len(gateway.ledger()) == before


def test_lm_23_short_key_is_its_own_mask(gateway: Gateway) -> None:
    assert recorded(gateway, CHAT, chat("openai/echo"), key=sample.SHORT)["masked_key"] == sample.SHORT


def test_lm_23_keys_credentials_and_content_are_nowhere_on_disk_or_in_logs(gateway: Gateway) -> None:
    recorded(gateway, CHAT, chat("openai/echo"))
    recorded(gateway, f"/open/echo?key={sample.ALL}&x-goog-api-key={sample.ONLY_OPEN}&page=2")
    secrets = (*sample.CLIENT_KEYS, *sample.CREDENTIALS, "a secret question")
    files = [file for file in gateway.data.rglob("*") if file.is_file()]
    assert files
    for text in [*(file.read_text(errors="replace") for file in files), gateway.output]:
        assert not [secret for secret in secrets if secret in text]


def test_credential_in_the_query_is_redacted(gateway: Gateway) -> None:
    record = recorded(gateway, "/open/echo/x?page=2&key=AIzaSecret&access_token=abc&z=1")
    assert "AIzaSecret" not in record["endpoint"]
    assert "abc" not in record["endpoint"]
    assert record["endpoint"].startswith("/open/echo/x?page=2&key=")
    assert record["endpoint"].endswith("&z=1")


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        ("status-400", 400, "provider_rejected"),
        ("status-401", 401, "provider_rejected"),
        ("retry-after-1", 429, "provider_rejected"),
        ("status-500", 500, "provider_error"),
        ("html-503", 503, "provider_error"),
    ],
)
def test_lm_24_upstream_errors_are_recorded_without_tokens(gateway: Gateway, script: str, status: int, error: str) -> None:
    for path, prefix in ((CHAT, "openai/"), (f"/open{CHAT}", "")):
        record = recorded(gateway, path, chat(prefix + script))
        assert (record["status"], record["ended"], record["error_type"]) == (status, "completed", error)
        assert (record["model"], record["usage"]) == (None, {})
        assert record["usage_source"] == "none"


@pytest.mark.parametrize(
    ("model", "status", "error"),
    [
        ("dead/echo", 502, "provider_unreachable"),
        ("gone/echo", 502, "provider_unreachable"),
        ("openai/hang", 504, "provider_timeout"),
        ("openai/drop", 502, "provider_unreachable"),
    ],
)
def test_no_answer_from_the_provider_is_recorded(gateway: Gateway, model: str, status: int, error: str) -> None:
    record = recorded(gateway, CHAT, chat(model))
    assert (record["status"], record["ended"]) == (status, "upstream_failed")
    assert record["error_type"] == error


@pytest.mark.parametrize("surface", ["managed", "pass_through"])
def test_stream_that_the_provider_breaks_off_is_recorded(gateway: Gateway, surface: str) -> None:
    request_id = uuid4().hex
    path, model = (CHAT, "openai/break-6.slow-5x40") if surface == "managed" else (f"/open{CHAT}", "break-6.slow-5x40")
    headers = {"x-request-id": request_id}
    with (
        stream(gateway.base_url, path, chat(model, streamed=True), key=sample.ALL, headers=headers) as response,
        pytest.raises(IncompleteRead) as broken,
    ):
        response.read()
    assert b"t\\u00f6k3" in broken.value.partial or "t\u00f6k3".encode() in broken.value.partial
    record = gateway.record(request_id)
    assert (record["status"], record["ended"], record["error_type"]) == (200, "upstream_failed", "provider_broken")
    assert record["surface"] == surface
    assert record["usage_source"] == "estimated"
    assert 1 <= record["usage"]["output_tokens"] <= 40


def test_cut_anthropic_stream_knows_its_input(gateway: Gateway) -> None:
    record = recorded(gateway, MESSAGES, message("anthropic/break-6.slow-5x40", streamed=True))
    assert (record["ended"], record["usage_source"]) == ("upstream_failed", "partial")
    assert record["usage"]["input_tokens"] == 11


def test_client_that_leaves_is_recorded_and_the_provider_is_let_go(gateway: Gateway) -> None:
    request_id = uuid4().hex
    body = chat("openai/slow-20x200", streamed=True)
    headers = {"x-request-id": request_id}
    with stream(gateway.base_url, CHAT, body, key=sample.ALL, headers=headers) as response:
        assert response.read1(100)
    record = gateway.record(request_id)
    assert (record["ended"], record["error_type"]) == ("client_closed", "client_closed")
    assert record["usage_source"] == "estimated"
    until(lambda: gateway.status()["in_flight"] == 0, "nothing in flight")


def test_client_that_leaves_before_the_answer_is_recorded(gateway: Gateway) -> None:
    request_id = uuid4().hex
    with pytest.raises(TimeoutError):
        impatient(gateway, request_id)
    record = gateway.record(request_id)
    assert (record["ended"], record["error_type"]) == ("client_closed", "client_closed")
    assert record["status"] == 499


def impatient(gateway: Gateway, request_id: str) -> None:
    headers = {"x-request-id": request_id}
    with stream(gateway.base_url, CHAT, chat("openai/hang"), key=sample.ALL, headers=headers, seconds=0.3):
        pass


def test_every_id_is_in_the_ledger_once(gateway: Gateway) -> None:
    """Whatever the other tests did: nothing is doubled and nothing that was issued is missing."""
    gateway.idle()
    epoch, issued = gateway.status()["epoch"], gateway.status()["issued"]
    ids = [record["id"] for record in gateway.ledger()]
    assert len(ids) == len(set(ids))
    assert {f"{epoch}-{number}" for number in range(1, issued + 1)} <= set(ids)


def test_bundle_spool_and_ledger_are_private(gateway: Gateway) -> None:
    for folder in ((gateway.run / "bundle/current").resolve(), gateway.data / "spool", gateway.data / "ledger"):
        assert [file for file in [folder, *folder.rglob("*")] if file.stat().st_mode & 0o077] == []
