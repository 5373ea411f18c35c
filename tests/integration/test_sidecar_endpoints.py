"""The sidecar's own endpoints, for clients of LMGate and for operators (LM-10, LM-22)."""

import json
from uuid import uuid4

import pytest
from tests.support import sample
from tests.support.client import call
from tests.support.gateway import Gateway


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": f"Bearer {sample.ALL}"}, {"authorization": f"bearer {sample.ALL}"}, {"x-api-key": sample.ALL}],
)
def test_lm_10_auth_names_the_key(gateway: Gateway, headers: dict[str, str]) -> None:
    reply = call(gateway.sidecar_url, "/auth", headers=headers)
    assert (reply.status, reply.headers["x-lmgate-id"]) == (200, "default/all")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": f"Bearer {sample.UNKNOWN}"},
        {"Authorization": f"Bearer {sample.UNKNOWN}", "x-api-key": sample.ALL},
        {"Authorization": f"Bearer {sample.EXPIRED}"},
        {"Authorization": f"Bearer {sample.DISABLED}"},
        {"api-key": sample.ALL},
    ],
)
def test_lm_10_auth_refuses(gateway: Gateway, headers: dict[str, str]) -> None:
    reply = call(gateway.sidecar_url, "/auth", headers=headers)
    assert (reply.status, reply.body) == (403, b"forbidden")
    assert reply.headers["content-type"].startswith("text/plain")
    assert "x-lmgate-id" not in reply.headers


@pytest.mark.parametrize("body", [b"", b"garbage", b"[]", b'"x"', b"{}", b'{"a":1}', b'{"status":"x"}', b"\xff\xfe"])
def test_lm_22_malformed_stats_are_ok_and_harm_nothing(gateway: Gateway, body: bytes) -> None:
    reply = call(gateway.sidecar_url, "/stats", body, method="POST")
    assert (reply.status, reply.body) == (200, b"ok")
    assert call(gateway.sidecar_url, "/healthz").status == 200


def test_lm_22_a_good_payload_becomes_a_record(gateway: Gateway) -> None:
    uri = f"/openai/v1/chat/completions?n={uuid4().hex}"
    answer = {"model": "gpt-4o", "usage": {"prompt_tokens": 5, "completion_tokens": 7}}
    envelope = {
        "timestamp": "2026-01-01T00:00:00.000Z",
        "client_ip": "192.0.2.1",
        "method": "POST",
        "uri": uri,
        "host": "api.openai.com",
        "status": 200,
        "auth_key_header": f"Bearer {sample.ALL}",
        "auth_x_api_key": "",
        "lmgate_internal_id": "default/all",
        "response_body": json.dumps(answer),
    }
    assert call(gateway.sidecar_url, "/stats", envelope).body == b"ok"
    (record,) = gateway.records(lambda record: record["endpoint"] == uri)
    assert (record["surface"], record["model"], record["status"]) == ("external", "gpt-4o", 200)
    assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (5, 7)
    assert record["masked_key"] == sample.ALL[-6:]


def test_readyz_says_that_all_is_well(gateway: Gateway) -> None:
    reply = call(gateway.sidecar_url, "/readyz")
    assert reply.status == 200
    assert reply.json["status"] == "ready"
    assert reply.json["generation"] == gateway.status()["generation"]


def test_metrics_count_requests_and_tokens(gateway: Gateway) -> None:
    request_id = uuid4().hex
    body = {"model": "openai/echo", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"x-request-id": request_id}
    assert call(gateway.base_url, "/v1/chat/completions", body, key=sample.ALL, headers=headers).status == 200
    gateway.record(request_id)
    reply = call(gateway.sidecar_url, "/metrics")
    assert reply.status == 200
    names = {line.split("{")[0].split(" ")[0] for line in reply.text.splitlines() if line and line[0] != "#"}
    assert any(name.startswith("ostiary_requests") for name in names), names
    assert any("tokens" in name or "token_usage" in name for name in names), names
    assert "ostiary_ledger_records_lost_total" in names
    assert not [secret for secret in (*sample.CLIENT_KEYS, *sample.CREDENTIALS) if secret in reply.text]


def test_nothing_of_the_sidecars_inside_is_on_its_tcp_port(gateway: Gateway) -> None:
    ask = {"key": "0" * 64, "surface": "managed", "target": ""}
    assert call(gateway.sidecar_url, "/auth", ask).status == 405
    assert call(gateway.sidecar_url, "/models?key=" + "0" * 64).status == 404


def test_internal_locations_of_nginx_are_not_to_be_had(gateway: Gateway) -> None:
    for path in ("/_auth", "/_models", "/_problem", "/generation", "/status"):
        for method in ("GET", "POST"):
            reply = call(gateway.base_url, path, method=method, key=sample.ALL)
            assert reply.status in {400, 403, 404}, path
            assert reply.headers["content-type"] == "application/json"


def test_sockets_are_private(gateway: Gateway) -> None:
    """Everyone may write to the one that nginx makes; the folder around them is what keeps others out."""
    assert (gateway.run / "control.sock").is_socket()
    assert (gateway.run / "sidecar.sock").is_socket()
    assert gateway.run.stat().st_mode & 0o077 == 0
