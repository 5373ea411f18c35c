"""What a client in the cluster sees: behaviours of LMGate through the real Service."""

import json

import pytest
from tests.e2e import objects
from tests.e2e.commands import eventually
from tests.e2e.installation import READY_KEY, REPLICAS, replica_url

BODY = '{"model": "echo",  "messages": [{"role": "user", "content": "h\u00e9"}], "user": "x"}'

MESSAGES = {"max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]}
AWS = {"credential": {"kind": "AWS", "secretRef": {"name": "aws"}}, "bedrock": {"region": "eu-central-1"}}


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


@pytest.fixture(scope="module")
def vendors(installed):
    """A Provider of OpenAI's kind, one of Anthropic's and one of AWS; the fake speaks as each of them."""
    installed.kubectl.apply(
        objects.secret("aws", accessKeyId="AKIAFAKE", secretAccessKey="secret-of-AKIAFAKE"),
        objects.provider("claude", credential="vendor", type="anthropic"),
        objects.provider("aws", type="bedrock", **AWS),
    )
    for name in ("claude", "aws"):
        installed.until("provider", name, "Ready", "True", seconds=60)
    return installed


def test_tp_16_a_client_of_anthropic_is_answered_by_a_provider_of_openai_and_the_reverse(vendors, gateway) -> None:
    headers = {"Content-Type": "application/json", "anthropic-version": "2023-06-01"}
    body = json.dumps({"model": "fake/echo", **MESSAGES})
    answer = gateway.ask("/v1/messages", READY_KEY, method="POST", body=body, headers=headers)
    told = json.loads(answer["body"])
    assert (answer["status"], told["type"]) == (200, "message")
    assert [(block["type"], block["text"]) for block in told["content"]] == [("text", "hello")]
    assert gateway.chat(READY_KEY, "claude/echo", "the reverse")["text"] == "the reverse"
    assert len(gateway.chat(READY_KEY, "claude/slow-50x6", "the reverse", stream=True)["times"]) > 1
    assert [each["target"].partition("?")[0] for each in gateway.vendor_log()] == [
        "/v1/chat/completions",
        "/v1/messages",
        "/v1/messages",
    ]


def test_tp_16_requests_to_bedrock_are_translated_and_signed(vendors, gateway) -> None:
    assert gateway.chat(READY_KEY, "aws/echo", "by Converse")["text"] == "by Converse"
    assert len(gateway.chat(READY_KEY, "aws/slow-50x6", "by Converse", stream=True)["times"]) > 1
    first, second = gateway.vendor_log()
    assert [each["target"] for each in (first, second)] == ["/model/echo/converse", "/model/slow-50x6/converse-stream"]
    assert all(dict(map(_lower, each["headers"]))["authorization"].startswith("AWS4-HMAC-SHA256 ") for each in (first, second))
    assert "secret-of-AKIAFAKE" not in json.dumps([first, second])


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("providers.spec.speaks", "translated"),
        ("providers.spec.credential.kind", "ServiceAccount"),
        ("providers.spec.bedrock.region", "signed"),
        ("models.spec.filters", "before"),
        ("models.spec.catalogue.contextLength", "tokens"),
    ],
)
def test_kubectl_explains_what_is_new(gateway, field: str, says: str) -> None:
    assert says in gateway.kubectl("explain", field)


def _lower(pair: list[str]) -> tuple[str, str]:
    return pair[0].lower(), pair[1]
