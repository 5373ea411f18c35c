"""What a client in the cluster sees: behaviours of LMGate through the real Service."""

import json

from tests.e2e import objects
from tests.e2e.commands import eventually
from tests.e2e.installation import READY_KEY, REPLICAS, replica_url

BODY = '{"model": "echo",  "messages": [{"role": "user", "content": "h\u00e9"}], "x": 1}'


def test_lm_02_pass_through_leaves_everything_as_it_was(gateway) -> None:
    answer = gateway.ask(
        "/plain/v1/chat/completions?a=1&b=%20x",
        READY_KEY,
        method="POST",
        body=BODY,
        headers={"Content-Type": "application/json"},
    )
    assert answer["status"] == 200
    assert json.loads(answer["body"])["choices"][0]["message"]["content"] == "h\u00e9"
    (seen,) = gateway.vendor_log()
    headers = {name.lower(): value for name, value in seen["headers"]}
    assert (seen["method"], seen["target"]) == ("POST", "/v1/chat/completions?a=1&b=%20x")
    assert seen["body"].encode("latin-1").decode() == BODY
    assert headers["authorization"] == f"Bearer {READY_KEY}"
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == "fake.vendor.svc:8090"


def test_a_provider_that_holds_the_credential_never_sees_the_callers_key(gateway) -> None:
    assert gateway.chat(READY_KEY, "fake/echo", "hello")["text"] == "hello"
    assert gateway.ask("/fake/v1/models", READY_KEY)["status"] == 200
    seen = gateway.vendor_log()
    assert len(seen) == 2
    assert READY_KEY not in json.dumps(seen)
    assert all(dict(map(_lower, each["headers"]))["authorization"] == f"Bearer {objects.CREDENTIAL}" for each in seen)


def test_lm_09_and_lm_21_an_unknown_key_reaches_nobody_and_leaves_no_record(gateway) -> None:
    before = len(gateway.records())
    for pod in REPLICAS:
        answer = gateway.ask("/plain/v1/models", "sk-nobody", base=replica_url(pod))
        assert answer["status"] == 403
        assert answer["headers"]["content-type"].startswith("application/json")
        told = json.loads(answer["body"])
        assert (told["error"], told["message"]) == ("forbidden", "API key not authorized")
    refused = gateway.chat("sk-nobody", "fake/echo", "hello")
    assert (refused["status"], refused["class"]) == (401, "AuthenticationError")
    assert gateway.chat(READY_KEY, "fake/echo", "after")["status"] == 200

    (record,) = eventually(lambda: gateway.records()[before:] or None, "the record of the one that was served")
    assert record["key_name"] == "red"
    assert [json.loads(each["body"])["messages"][0]["content"] for each in gateway.vendor_log()] == ["after"]


def test_lm_14_a_stream_arrives_chunk_by_chunk(gateway) -> None:
    answer = gateway.chat(READY_KEY, "fake/slow-200x6", "hello", stream=True)
    assert len(answer["times"]) >= 6
    assert answer["times"][0] < 0.6
    assert answer["ended"] - answer["times"][0] > 0.8
    gaps = [later - earlier for earlier, later in zip(answer["times"], answer["times"][1:], strict=False)]
    assert max(gaps) < 0.6


def test_lm_20_a_stream_leaves_one_record_with_the_providers_counts(gateway) -> None:
    before = {record["id"] for record in gateway.records()}
    assert gateway.chat(READY_KEY, "fake/slow-10x5", "hello", stream=True)["status"] == 200
    (record,) = eventually(lambda: [each for each in gateway.records() if each["id"] not in before], "the record")
    assert record["stream"] is True
    assert record["usage_source"] == "provider"
    assert record["usage"]["input_tokens"] > 0
    assert record["usage"]["output_tokens"] > 0
    assert record["ended"] == "completed"
    assert record["duration_ms"] >= 30, "five events, 10 ms apart"
    assert record["duration_ms"] >= record["first_byte_ms"] >= 0  # nginx's clock has whole milliseconds


def test_models_lists_what_the_key_may_name(gateway) -> None:
    answer = gateway.ask("/v1/models", READY_KEY)
    assert answer["status"] == 200
    assert "fake/*" in [each["id"] for each in json.loads(answer["body"])["data"]]


def _lower(pair: list[str]) -> tuple[str, str]:
    return pair[0].lower(), pair[1]
