"""Every type of Provider as its manifest has it: at the right path, with the right credential, in what it speaks (TP-16)."""

import json
from collections.abc import Iterator
from uuid import uuid4

import anthropic
import openai
import pytest
from tests.support.compiled import compile_folder
from tests.support.gateway import Gateway
from tests.support.manifests import Manifest, build_secret, model, provider
from tests.support.planned import KEY, Bed
from tests.support.provider import Provider, Seen
from tests.support.wait import until

from ostiary_gateway.contract import bundle as contract
from ostiary_gateway.contract.document import ProviderType

HELLO = [{"role": "user", "content": "hello"}]
AWS = {"accessKeyId": "AKIAFAKE", "secretAccessKey": "secret-of-AKIAFAKE", "sessionToken": "session/token=="}
TYPES = [kind for kind in ProviderType.__args__ if kind not in ("bedrock", "vertex", "azure-openai")]
MORE = ["azure", "azure-preview", "azure-dated", "aws", "bedrock-key", "bedrock-chat", "vertex-key"]
GENERATE = "/v1/projects/p/locations/global/publishers/google/models/echo:"
PATHS = {
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/echo:generateContent",
    "azure": "/openai/v1/chat/completions",
    "azure-preview": "/openai/v1/chat/completions?api-version=preview",
    "azure-dated": "/openai/deployments/echo/chat/completions?api-version=2024-10-21",
    "aws": "/model/echo/converse",
    "bedrock-key": "/model/echo/converse",
    "bedrock-chat": "/openai/v1/chat/completions",
    "vertex-key": f"{GENERATE}generateContent",
}
STREAMS = {
    "google": "/v1beta/models/echo:streamGenerateContent?alt=sse",
    "aws": "/model/echo/converse-stream",
    "bedrock-key": "/model/echo/converse-stream",
    "vertex-key": f"{GENERATE}streamGenerateContent?alt=sse",
}
HEADERS = {
    "anthropic": ("x-api-key", "key-of-anthropic"),
    "google": ("x-goog-api-key", "key-of-google"),
    "azure": ("api-key", "key-of-azure"),
    "azure-preview": ("api-key", "key-of-azure-preview"),
    "azure-dated": ("api-key", "key-of-azure-dated"),
    "vertex-key": ("x-goog-api-key", "key-of-vertex-key"),
}
NATIVE_MESSAGES = {"anthropic", "openrouter", "ollama", "vllm"}


def manifests(url: str) -> Iterator[Manifest]:
    for kind in TYPES:
        yield from of(kind, url, kind)
    yield from of("azure", url, "azure-openai")
    yield from of("azure-preview", url, "azure-openai", azure={"apiVersion": "preview"})
    yield from of("azure-dated", url, "azure-openai", azure={"apiVersion": "2024-10-21", "deployments": True})
    bedrock, vertex = {"region": "eu-central-1"}, {"project": "p", "region": "global"}
    aws = {"kind": "AWS", "secretRef": {"name": "aws"}}
    yield from of("bedrock-key", url, "bedrock", bedrock=bedrock)
    yield from of("bedrock-chat", url, "bedrock", bedrock=bedrock, speaks=["chat"])
    yield from of("vertex-key", url, "vertex", vertex=vertex)
    (signed,) = provider("of-aws", url, "bedrock", bedrock=bedrock)
    signed["spec"]["credential"] = aws
    yield from (signed, build_secret("aws", AWS))


def of(name: str, url: str, kind: str, **spec: object) -> list[Manifest]:
    return provider(f"of-{name}", url, kind, credential=f"key-of-{name}", **spec)


def knows_hosts(gateway: Gateway) -> bool:
    """A busy machine may take longer to reload nginx than the sidecar waits for it."""
    wanted = compile_folder(gateway.manifests, gateway.data).files[contract.UPSTREAMS]
    return bool(json.loads((gateway.run / "nginx.json").read_text())["upstreams"] == contract.digest(wanted))


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory, session_bed: Bed) -> Iterator[Provider]:
    """A Provider `of-<name>` and a Model `type-<name>` for each type."""
    made = Provider(tmp_path_factory.mktemp("fake") / "log")
    models = [model(f"type-{name}", f"of-{name}/echo") for name in (*TYPES, *MORE)]
    try:
        session_bed.gateway.apply(*manifests(made.url), *models, file="provider-types")
        until(lambda: knows_hosts(session_bed.gateway), "nginx has the fake's address")
        yield made
        session_bed.gateway.remove("provider-types")
    finally:
        made.stop()


@pytest.fixture(scope="module")
def chat(session_bed: Bed) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=f"{session_bed.gateway.base_url}/v1", max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def messages(session_bed: Bed) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=KEY, base_url=session_bed.gateway.base_url, max_retries=0) as made:
        yield made


def seen(fake: Provider, request_id: str) -> Seen:
    (found,) = fake.find(request_id)
    return found


@pytest.mark.parametrize("name", [*TYPES, *MORE])
def test_tp_16_each_type_is_asked_at_its_own_path_with_its_own_credential(fake: Provider, chat: openai.OpenAI, name: str) -> None:
    request_id = uuid4().hex
    answer = chat.chat.completions.create(model=f"type-{name}", messages=HELLO, extra_headers={"x-request-id": request_id})
    assert answer.choices[0].message.content == "hello"
    asked = seen(fake, request_id)
    assert asked.target == PATHS.get(name, "/v1/chat/completions")
    header, value = HEADERS.get(name, ("authorization", f"Bearer key-of-{name}"))
    if name != "aws":
        assert asked.header(header) == value
    assert KEY not in asked.text


@pytest.mark.parametrize("name", [*TYPES, *MORE])
def test_tp_16_each_type_streams_from_its_own_path(fake: Provider, chat: openai.OpenAI, name: str) -> None:
    request_id = uuid4().hex
    given = {"model": f"type-{name}", "messages": HELLO, "extra_headers": {"x-request-id": request_id}}
    with chat.chat.completions.create(**given, stream=True) as chunks:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "hello"
    asked = seen(fake, request_id)
    assert asked.target == STREAMS.get(name, PATHS.get(name, "/v1/chat/completions"))


@pytest.mark.parametrize("name", [*TYPES, *MORE])
def test_tp_16_a_client_of_anthropic_reaches_each_type(fake: Provider, messages: anthropic.Anthropic, name: str) -> None:
    request_id = uuid4().hex
    given = {"model": f"type-{name}", "messages": HELLO, "max_tokens": 64, "extra_headers": {"x-request-id": request_id}}
    assert messages.messages.create(**given).content[0].text == "hello"
    native = "/v1/messages" if name in NATIVE_MESSAGES else PATHS.get(name, "/v1/chat/completions")
    assert seen(fake, request_id).target == native


def test_pl_24_a_request_to_aws_is_signed_and_no_secret_goes_with_it(
    fake: Provider, chat: openai.OpenAI, session_bed: Bed
) -> None:
    request_id = uuid4().hex
    chat.chat.completions.create(model="type-aws", messages=HELLO, extra_headers={"x-request-id": request_id})
    asked = seen(fake, request_id)
    signature = asked.header("authorization") or ""
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=AKIAFAKE/")
    assert "/eu-central-1/bedrock/aws4_request" in signature
    assert asked.header("x-amz-security-token") == AWS["sessionToken"]
    assert AWS["secretAccessKey"] not in asked.text + session_bed.gateway.output


def test_the_ledger_tells_the_type(fake: Provider, chat: openai.OpenAI, session_bed: Bed) -> None:
    request_id = uuid4().hex
    chat.chat.completions.create(model="type-groq", messages=HELLO, extra_headers={"x-request-id": request_id})
    record = session_bed.gateway.record(request_id)
    assert (record["provider"], record["ended"]) == ("of-groq", "completed")
