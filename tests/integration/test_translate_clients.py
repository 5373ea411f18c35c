"""Official clients before providers of other dialects (PL-24, PL-25, GZ-12)."""

import json
from collections.abc import Iterator

import anthropic
import openai
import pytest
from tests.support.client import stream
from tests.support.translated import DIALECTS, HELLO, KEY, Translated, guarded, open_translated
from tests.support.wait import until

from ostiary_gateway.fake.reply import GREETING

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
OPENAI_TOOLS = [{"type": "function", "function": {"name": "weather", "description": "of a city", "parameters": CITY}}]
ANTHROPIC_TOOLS = [{"name": "weather", "description": "of a city", "input_schema": CITY}]
OTHERS = [dialect for dialect in DIALECTS if dialect != "openai"]
NOT_ANTHROPIC = [dialect for dialect in DIALECTS if dialect != "anthropic"]


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Translated]:
    models = [guarded(f"guarded-{dialect}", f"{dialect}/hello") for dialect in DIALECTS]
    with open_translated(tmp_path_factory.mktemp("translated"), *models) as bed:
        yield bed


@pytest.fixture
def chat(bed: Translated) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=f"{bed.gateway.base_url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def messages(bed: Translated) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=KEY, base_url=bed.gateway.base_url, max_retries=0) as client:
        yield client


@pytest.mark.parametrize("provider", OTHERS)
@pytest.mark.parametrize("model", ["{}/hello", "guarded-{}"])
def test_pl_24_an_openai_client_and_a_provider_of_another_dialect(chat: openai.OpenAI, provider: str, model: str) -> None:
    answer = chat.chat.completions.create(model=model.format(provider), messages=HELLO)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (GREETING, "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


@pytest.mark.parametrize("provider", NOT_ANTHROPIC)
@pytest.mark.parametrize("model", ["{}/hello", "guarded-{}"])
def test_pl_24_an_anthropic_client_and_a_provider_of_another_dialect(
    messages: anthropic.Anthropic, provider: str, model: str
) -> None:
    answer = messages.messages.create(model=model.format(provider), messages=HELLO, max_tokens=64)
    assert (answer.content[0].text, answer.stop_reason) == (GREETING, "end_turn")
    assert min(answer.usage.input_tokens, answer.usage.output_tokens) > 0


@pytest.mark.parametrize("provider", OTHERS)
@pytest.mark.parametrize("model", ["{}/hello", "guarded-{}"])
def test_pl_24_a_chat_stream_has_the_usage_only_if_it_was_asked_for(chat: openai.OpenAI, provider: str, model: str) -> None:
    name = model.format(provider)
    with chat.chat.completions.create(model=name, messages=HELLO, stream=True) as plain:
        silent = list(plain)
    with chat.chat.completions.create(model=name, messages=HELLO, stream=True, stream_options={"include_usage": True}) as asked:
        telling = list(asked)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in silent) == GREETING
    assert all(chunk.usage is None for chunk in silent)
    assert [chunk for chunk in telling if not chunk.choices] == telling[-1:]
    assert telling[-1].usage is not None
    assert telling[-1].usage.completion_tokens > 0


@pytest.mark.parametrize("provider", NOT_ANTHROPIC)
def test_gz_12_a_messages_stream(messages: anthropic.Anthropic, provider: str) -> None:
    with messages.messages.stream(model=f"{provider}/hello", messages=HELLO, max_tokens=64) as events:
        pieces = list(events.text_stream)
        answer = events.get_final_message()
    assert "".join(pieces) == GREETING
    assert len(pieces) > 1
    assert answer.stop_reason == "end_turn"
    assert min(answer.usage.input_tokens, answer.usage.output_tokens) > 0


@pytest.mark.parametrize("provider", OTHERS)
def test_pl_24_a_chat_client_s_tool_is_called_and_its_result_told(chat: openai.OpenAI, provider: str) -> None:
    model = f"{provider}/hello"
    first = chat.chat.completions.create(model=model, messages=HELLO, tools=OPENAI_TOOLS, max_tokens=64).choices[0]
    assert first.finish_reason == "tool_calls"
    (call,) = first.message.tool_calls or []
    assert (call.type, call.function.name, json.loads(call.function.arguments)) == ("function", "weather", {"city": "Zürich"})
    told = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    turns = [*HELLO, first.message.model_dump(exclude_none=True), told]
    second = chat.chat.completions.create(model=model, messages=turns, tools=OPENAI_TOOLS, max_tokens=64).choices[0]
    assert "sunny" in (second.message.content or "")


@pytest.mark.parametrize("provider", OTHERS)
def test_pl_24_arguments_of_a_call_in_pieces_are_whole_in_the_end(chat: openai.OpenAI, provider: str) -> None:
    model = f"{provider}/split-3"
    with chat.chat.completions.create(model=model, messages=HELLO, tools=OPENAI_TOOLS, stream=True) as chunks:
        deltas = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
    assert [call.function.name for call in deltas if call.function and call.function.name] == ["weather"]
    assert json.loads("".join(call.function.arguments or "" for call in deltas if call.function)) == {"city": "Zürich"}


@pytest.mark.parametrize("provider", NOT_ANTHROPIC)
def test_pl_24_a_messages_client_s_tool_is_streamed_and_its_result_told(messages: anthropic.Anthropic, provider: str) -> None:
    given = {"model": f"{provider}/hello", "max_tokens": 64, "tools": ANTHROPIC_TOOLS}
    with messages.messages.stream(**given, messages=HELLO) as events:
        first = events.get_final_message()
    (block,) = [block for block in first.content if block.type == "tool_use"]
    assert (first.stop_reason, block.name, block.input) == ("tool_use", "weather", {"city": "Zürich"})
    told = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}]}
    turns = [*HELLO, {"role": "assistant", "content": [block.model_dump(include={"type", "id", "name", "input"})]}, told]
    second = messages.messages.create(**given, messages=turns)
    assert "sunny" in second.content[0].text


def test_pl_24_responses_and_completions_of_an_anthropic_provider(chat: openai.OpenAI) -> None:
    answer = chat.responses.create(model="anthropic/hello", input="good morning")
    assert (answer.output_text, answer.status) == (GREETING, "completed")
    with chat.responses.stream(model="anthropic/hello", input="good morning") as events:
        kinds = [event.type for event in events]
        assert events.get_final_response().output_text == GREETING
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    older = chat.completions.create(model="anthropic/echo", prompt="good morning")
    assert older.choices[0].text == "good morning"


def test_pl_24_embeddings_of_a_google_provider(chat: openai.OpenAI) -> None:
    answer = chat.embeddings.create(model="google/hello", input=["one", "two"], dimensions=4)
    assert [len(each.embedding) for each in answer.data] == [4, 4]
    assert answer.data[0].embedding != answer.data[1].embedding


OPENAI_ERRORS = [
    (400, openai.BadRequestError), (401, openai.AuthenticationError), (403, openai.PermissionDeniedError),
    (404, openai.NotFoundError), (429, openai.RateLimitError), (500, openai.InternalServerError),
    (503, openai.InternalServerError), (529, openai.InternalServerError),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), OPENAI_ERRORS)
def test_pl_25_an_anthropic_provider_s_error_is_the_openai_client_s(
    chat: openai.OpenAI, status: int, kind: type[openai.APIStatusError]
) -> None:
    with pytest.raises(kind) as caught:
        chat.chat.completions.create(model=f"anthropic/status-{status}", messages=HELLO)
    assert caught.value.status_code == (503 if status == 529 else status)
    assert f"scripted status {status}" in caught.value.message
    headers = caught.value.response.headers
    assert not [name for name in headers if name.startswith("anthropic-ratelimit-requests")]
    assert status != 429 or headers["x-ratelimit-remaining-requests"] == "0"


ANTHROPIC_ERRORS = [
    (400, anthropic.BadRequestError), (401, anthropic.AuthenticationError), (403, anthropic.PermissionDeniedError),
    (404, anthropic.NotFoundError), (413, anthropic.RequestTooLargeError), (429, anthropic.RateLimitError),
    (500, anthropic.InternalServerError),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind"), ANTHROPIC_ERRORS)
def test_pl_25_an_openai_provider_s_error_is_the_anthropic_client_s(
    messages: anthropic.Anthropic, status: int, kind: type[anthropic.APIStatusError]
) -> None:
    with pytest.raises(kind) as caught:
        messages.messages.create(model=f"openai/status-{status}", messages=HELLO, max_tokens=64)
    assert caught.value.status_code == status
    assert f"scripted status {status}" in caught.value.message
    assert status != 429 or caught.value.response.headers["anthropic-ratelimit-requests-remaining"] == "0"


def test_pl_24_retry_after_passes(bed: Translated) -> None:
    assert bed.chat("anthropic/retry-after-7").reply.headers["retry-after"] == "7"


@pytest.mark.parametrize("model", ["anthropic/fault-3.events-9", "google/fault-3.events-9", "bedrock/fault-3.events-9"])
def test_pl_24_an_error_in_mid_stream_raises_in_the_client(chat: openai.OpenAI, model: str) -> None:
    with (
        pytest.raises(openai.APIError),
        chat.chat.completions.create(model=model, messages=HELLO, stream=True) as chunks,
    ):
        list(chunks)


@pytest.mark.parametrize("model", ["anthropic/slow-20x500", "bedrock/slow-20x500"])
def test_a_client_that_leaves_ends_the_provider_s_stream(bed: Translated, model: str) -> None:
    request_id, before = f"left-{model.partition('/')[0]}", bed.provider.stats().get("abandoned", 0)
    body = {"model": model, "messages": HELLO, "stream": True}
    with stream(bed.gateway.base_url, "/v1/chat/completions", body, key=KEY, headers={"x-request-id": request_id}) as answer:
        assert answer.readline().startswith(b"data:")
    record = bed.gateway.record(request_id)
    assert (record["ended"], record["stream"]) == ("client_closed", True)
    until(lambda: bed.provider.stats().get("abandoned", 0) > before, "the provider sees that nobody listens any more")
