"""Endpoints that are not translated: to a provider that has them, counted and limited like any other."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import openai
import pytest
from tests.support.client import call
from tests.support.gateway import Gateway
from tests.support.manifests import api_key, model, provider
from tests.support.studio import SOUND, Studio

KEY, LIMITED, MODELS_ONLY = "sk-mm", "sk-mm-limited", "sk-mm-models"
OPENAI_MODELS = ["gpt-image-1", "gpt-4o-mini-tts", "gpt-4o-transcribe", "omni-moderation-latest"]
PII = {"name": "pii", "type": "Patterns", "patterns": ["pii"], "action": "Redact"}
PNG = b'\x89PNG\r\n\x1a\n--no boundary\r\nname="model"\r\n\r\nfake\x00\xff'


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    with Studio() as studio:
        yield studio


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, studio: Studio) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("multimodal"))
    gateway.start(
        provider("openai", studio.url, credential="sk-studio"),
        provider("claude", studio.url, "anthropic", credential="sk-claude"),
        [
            model("drawer", "openai/gpt-image-1"),
            model("ears", "openai/gpt-4o-transcribe"),
            model("voice", "openai/gpt-4o-mini-tts"),
        ],
        [
            model("guarded-ears", "openai/gpt-4o-transcribe", timeouts={"firstByteMilliseconds": 5000}),
            model("mute", "claude/claude-3"),
        ],
        [model("omni-moderation-latest", "openai"), model("filtered-ears", "openai/gpt-4o-transcribe", filters=[PII])],
        [api_key("mm", KEY), api_key("mm-models", MODELS_ONLY, models=["drawer"])],
        [api_key("mm-limited", LIMITED, limits={"requests": {"perMinute": 2}})],
    )
    yield gateway
    gateway.stop()


@pytest.fixture
def client(front: Gateway, studio: Studio) -> Iterator[openai.OpenAI]:
    studio.calls.clear()
    with openai.OpenAI(api_key=KEY, base_url=f"{front.base_url}/v1", max_retries=0) as client:
        yield client


def form(model_name: str | None, boundary: str = "xYz", *, twice: bool = False) -> tuple[bytes, str]:
    """A form with a picture in it, as the wire has it."""
    parts = [('form-data; name="image"; filename="é.png"', PNG), ('form-data; name="prompt"', "größer".encode())]
    if model_name is not None:
        parts.insert(1, ('form-data; name="model"', model_name.encode()))
    if twice:
        parts.append(('form-data; name="model"', b"other"))
    pieces = [f"--{boundary}\r\nContent-Disposition: {head}\r\n\r\n".encode("latin-1") + value + b"\r\n" for head, value in parts]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def post(front: Gateway, path: str, body: bytes, kind: str, key: str = KEY, **headers: str) -> Any:
    return call(front.base_url, path, body, key=key, headers={"content-type": kind, **headers})


def test_images_are_made_and_their_tokens_counted(client, front, studio):
    request_id = uuid4().hex
    made = client.images.generate(model="drawer", prompt="a cat", extra_headers={"x-request-id": request_id})
    assert made.data[0].b64_json
    assert studio.calls[0].fields == {"model": "gpt-image-1", "prompt": "a cat"}
    assert studio.calls[0].headers["authorization"] == "Bearer sk-studio"
    record = front.record(request_id)
    assert (record["endpoint"], record["requested_model"], record["status"]) == ("/v1/images/generations", "drawer", 200)
    assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (5, 40)


def test_speech_comes_back_byte_for_byte(client, studio):
    assert client.audio.speech.create(model="voice", voice="alloy", input="hello").read() == SOUND
    assert studio.calls[0].fields["model"] == "gpt-4o-mini-tts"


@pytest.mark.parametrize("name", ["ears", "guarded-ears"])
def test_a_recording_is_transcribed_and_only_the_models_name_changes(client, front, studio, name):
    request_id = uuid4().hex
    said = client.audio.transcriptions.create(model=name, file=("a.wav", SOUND), extra_headers={"x-request-id": request_id})
    assert said.text == "hello"
    fields = studio.calls[0].fields
    assert (fields["model"], fields["file"]) == (b"gpt-4o-transcribe", SOUND)
    record = front.record(request_id)
    assert (record["requested_model"], record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (name, 14, 3)


def test_a_form_goes_on_byte_for_byte_but_for_the_model(front, studio):
    studio.calls.clear()
    body, kind = form("drawer")
    assert post(front, "/v1/images/edits", body, kind).status == 200
    assert studio.calls[0].body == body.replace(b"drawer", b"gpt-image-1")
    assert studio.calls[0].headers["content-type"] == kind


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (*form(None), "missing 'model' field"),
        (*form("drawer", twice=True), "a second field is called 'model'"),
        (form("drawer")[0], "multipart/form-data; boundary=other", "invalid form"),
        (form("drawer")[0], "multipart/form-data; boundary=xY", "invalid form"),
        (form(None)[0][:-9], form(None)[1], "missing 'model' field"),
        (b"", form("x")[1], "invalid form"),
        (b"model=drawer", "application/x-www-form-urlencoded", "neither JSON nor a form"),
        (b"{", "application/json", "invalid JSON body"),
    ],
)
def test_a_form_that_names_no_model_is_refused(front, studio, body, kind, why):
    studio.calls.clear()
    reply = post(front, "/v1/images/edits", body, kind)
    assert (reply.status, reply.json["error"]["message"]) == (400, why)
    assert studio.calls == []


def test_images_may_be_edited_with_json_too(front, studio):
    studio.calls.clear()
    assert call(front.base_url, "/v1/images/edits", {"model": "drawer", "prompt": "x"}, key=KEY).status == 200
    assert studio.calls[0].fields == {"model": "gpt-image-1", "prompt": "x"}


def test_moderations_have_a_model_where_the_client_names_none(client, studio):
    assert client.moderations.create(model="omni-moderation-latest", input="hello").id == "modr-1"
    assert client.moderations.create(input="hello").model == "omni-moderation-latest"


def test_files_and_batches_go_to_the_only_provider_that_keeps_any(client, front, studio):
    request_id = uuid4().hex
    lines = b'{"custom_id":"1"}\n' * 10_000
    kept = client.files.create(file=("f.jsonl", lines), purpose="batch", extra_headers={"x-request-id": request_id})
    assert kept.bytes == len(lines)
    assert kept.id in [each.id for each in client.files.list()]
    assert client.files.retrieve(kept.id).purpose == "batch"
    assert client.files.content(kept.id).read() == lines
    batch = client.batches.create(input_file_id=kept.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.retrieve(batch.id).status == "validating"
    assert client.batches.list(limit=5).data == []
    assert client.files.delete(kept.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(kept.id)
    assert {each.headers["authorization"] for each in studio.calls} == {"Bearer sk-studio"}
    assert [each.target for each in studio.calls if "limit" in each.target] == ["/v1/batches?limit=5"]
    record = front.record(request_id)
    assert (record["requested_model"], record["endpoint"], record["provider"]) == ("files", "/v1/files", "openai")


def test_the_client_may_name_the_provider_and_a_key_needs_the_right(front, studio):
    for named, key, status in (
        ("openai", KEY, 200),
        ("claude", KEY, 400),
        ("nobody", KEY, 400),
        ("a/b", KEY, 400),
        ("openai", MODELS_ONLY, 403),
        ("", MODELS_ONLY, 403),
        ("", "sk-none", 401),
    ):
        headers = {"x-ostiary-provider": named} if named else {}
        assert call(front.base_url, "/v1/files", key=key, headers=headers).status == status, (named, key)


def test_what_a_provider_does_not_speak_is_refused(front, studio):
    studio.calls.clear()
    reply = call(front.base_url, "/v1/images/generations", {"model": "mute", "prompt": "x"}, key=KEY)
    assert (reply.status, reply.json["error"]["message"]) == (400, "provider claude does not speak images")
    assert post(front, "/v1/audio/transcriptions", *form("mute")).status == 400
    assert studio.calls == []


def test_a_form_does_not_get_past_filters(front, studio):
    studio.calls.clear()
    reply = post(front, "/v1/audio/transcriptions", *form("filtered-ears"))
    assert (reply.status, reply.json["error"]["message"]) == (400, "the filters of this model read JSON only")
    assert studio.calls == []


def test_other_methods_and_paths_are_none(front):
    assert call(front.base_url, "/v1/audio/transcriptions", key=KEY).status == 405
    assert call(front.base_url, "/v1/files/x", key=KEY, method="PUT").status == 405
    assert call(front.base_url, "/v1/images/unheard-of", {"model": "drawer"}, key=KEY).status == 404


def test_limits_count_them_all(front):
    body, kind = form("ears")
    statuses = [
        post(front, "/v1/audio/transcriptions", body, kind, LIMITED).status,
        call(front.base_url, "/v1/files", key=LIMITED).status,
        call(front.base_url, "/v1/batches", key=LIMITED).status,
        post(front, "/v1/audio/transcriptions", body, kind, LIMITED).status,
    ]
    assert statuses == [200, 200, 429, 429]
