"""What the fake provider says, read by the official SDKs: whatever they cannot parse, no client could."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import anthropic
import botocore.session
import openai
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError
from tests.support.provider import Provider

from ostiary_gateway.fake.reply import GREETING, REFUSAL, THOUGHT, sign_thought
from ostiary_gateway.fake.sample import make_sample

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
SAMPLE = make_sample(SCHEMA)
NAMES = ["weather", "news"]
PNG = base64.b64encode(b"png").decode()
SEEN = f"I see image/png, 3 bytes, sha256 {hashlib.sha256(b'png').hexdigest()[:16]}."
SECRET = "secret-of-AKIAFAKE"
HI: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    provider = Provider(tmp_path_factory.mktemp("fake") / "log")
    yield provider.url
    provider.stop()


@pytest.fixture(scope="module")
def gpt(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="x", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(url: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=url, api_key="x", max_retries=0) as client:
        yield client


def aws(url: str, secret: str = SECRET, token: str | None = None) -> Any:
    return botocore.session.get_session().create_client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=url,
        aws_access_key_id="AKIAFAKE",
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture(scope="module")
def bedrock(url: str) -> Iterator[Any]:
    client = aws(url)
    yield client
    client.close()


def chat_tools(*, strict: bool = False) -> Any:
    return [{"type": "function", "function": {"name": name, "parameters": SCHEMA, "strict": strict}} for name in NAMES]


def test_chat_calls_tools_and_quotes_their_results(gpt: openai.OpenAI) -> None:
    first = gpt.chat.completions.create(model="gpt", messages=HI, tools=chat_tools())
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    assert [call.function.name for call in message.tool_calls or () if call.type == "function"] == NAMES
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"sunny {n}"} for n, call in enumerate(message.tool_calls or ())
    ]
    second = gpt.chat.completions.create(model="gpt", messages=[*HI, message, *results], tools=chat_tools())
    assert second.choices[0].message.content == "The tool said: sunny 0 The tool said: sunny 1"
    one = gpt.chat.completions.create(model="gpt", messages=HI, tools=chat_tools(), parallel_tool_calls=False)
    assert len(one.choices[0].message.tool_calls or ()) == 1
    none = gpt.chat.completions.create(model="gpt", messages=HI, tools=chat_tools(), tool_choice="none")
    assert none.choices[0].message.content == GREETING


def test_chat_streams_calls_in_pieces(gpt: openai.OpenAI) -> None:
    with gpt.chat.completions.stream(model="gpt.split-5", messages=HI, tools=chat_tools(strict=True)) as stream:
        pieces = [event for event in stream if event.type == "tool_calls.function.arguments.delta"]
        calls = stream.get_final_completion().choices[0].message.tool_calls or []
    assert [call.function.parsed_arguments for call in calls] == [SAMPLE, SAMPLE]
    assert len(pieces) >= 4


def test_chat_sees_pictures_schemas_and_logprobs(gpt: openai.OpenAI) -> None:
    picture: Any = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]}]
    seen = gpt.chat.completions.create(model="gpt", messages=picture, logprobs=True, top_logprobs=2, n=2)
    assert [choice.message.content for choice in seen.choices] == [SEEN, SEEN]
    told = seen.choices[1].logprobs
    assert told is not None
    assert "".join(token.token for token in told.content or ()) == SEEN
    assert {len(token.top_logprobs) for token in told.content or ()} == {2}
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}
    held = gpt.chat.completions.create(model="gpt", messages=HI, response_format=form)
    assert held.choices[0].message.content == '{"city":"Z\u00fcrich","days":7}'


def test_chat_endings(gpt: openai.OpenAI) -> None:
    def ending(model: str, **more: Any) -> tuple[str, str | None, str | None]:
        choice = gpt.chat.completions.create(model=model, messages=HI, **more).choices[0]
        return choice.finish_reason, choice.message.content, choice.message.refusal

    assert ending("length") == ("length", GREETING, None)
    assert ending("filtered") == ("content_filter", GREETING, None)
    assert ending("refuses") == ("stop", None, REFUSAL)
    assert ending("gpt", stop=["fake"]) == ("stop", "Hello from the ", None)


def test_responses_stream_tools_thought_and_text(gpt: openai.OpenAI) -> None:
    tools: Any = [{"type": "function", "name": name, "parameters": SCHEMA, "strict": True} for name in NAMES]
    with gpt.responses.stream(model="gpt", input="hi", tools=tools, reasoning={"effort": "low", "summary": "auto"}) as stream:
        first = stream.get_final_response()
    assert [item.type for item in first.output] == ["reasoning", "function_call", "function_call"]
    calls = [item for item in first.output if item.type == "function_call"]
    outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in calls]
    turns: Any = [{"role": "user", "content": "hi"}, *(item.to_dict() for item in calls), *outputs]
    for turn in turns:
        turn.pop("parsed_arguments", None)
    with gpt.responses.stream(model="gpt", input=turns, tools=tools) as stream:
        second = stream.get_final_response()
    assert second.output_text == "The tool said: sunny The tool said: sunny"
    assert second.usage is not None
    assert second.id != first.id
    cut = gpt.responses.create(model="length", input="hi")
    assert (cut.status, cut.incomplete_details and cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")


def test_messages_think_call_and_quote(claude: anthropic.Anthropic) -> None:
    tools: Any = [{"name": name, "input_schema": SCHEMA} for name in NAMES]
    asked: Any = {
        "model": "m.split-3",
        "max_tokens": 2048,
        "tools": tools,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    with claude.messages.stream(messages=HI, **asked) as stream:
        first = stream.get_final_message()
    whole = claude.messages.create(messages=HI, **asked)
    kinds = [block.type for block in first.content]
    assert kinds == [block.type for block in whole.content] == ["thinking", "tool_use", "tool_use"]
    assert first.content[0] == whole.content[0]
    assert first.content[0].to_dict() == {"type": "thinking", "thinking": THOUGHT, "signature": sign_thought(THOUGHT)}
    assert [block.input for block in first.content if block.type == "tool_use"] == [SAMPLE, SAMPLE]
    answers = [
        {"type": "tool_result", "tool_use_id": block.id, "content": "sunny"}
        for block in first.content
        if block.type == "tool_use"
    ]
    blocks: Any = [block.to_dict() for block in first.content]
    turns: Any = [*HI, {"role": "assistant", "content": blocks}, {"role": "user", "content": answers}]
    second = claude.messages.create(messages=turns, **asked)
    assert second.content[-1].to_dict() == {"type": "text", "text": "The tool said: sunny The tool said: sunny"}
    blocks[0]["signature"] = "forged"
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature`"):
        claude.messages.create(messages=turns, **asked)


def test_messages_endings_and_counts(claude: anthropic.Anthropic) -> None:
    def ending(model: str, **more: Any) -> tuple[str | None, str | None]:
        message = claude.messages.create(model=model, max_tokens=9, messages=HI, **more)
        return message.stop_reason, message.stop_sequence

    assert ending("length") == ("max_tokens", None)
    assert ending("refuses") == ("refusal", None)
    assert ending("m", stop_sequences=["fake"]) == ("stop_sequence", "fake")
    assert claude.messages.count_tokens(model="m", messages=HI).input_tokens > 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503, 529])
def test_errors_raise_the_class_of_their_status(claude: anthropic.Anthropic, gpt: openai.OpenAI, status: int) -> None:
    with pytest.raises(anthropic.APIStatusError, match=f"scripted status {status}") as raised:
        claude.messages.create(model=f"status-{status}", max_tokens=9, messages=HI)
    with pytest.raises(openai.APIStatusError, match=f"scripted status {status}") as other:
        gpt.chat.completions.create(model=f"status-{status}", messages=HI)
    assert (raised.value.status_code, other.value.status_code) == (status, status)
    assert ("anthropic-ratelimit-requests-remaining" in raised.value.response.headers) == (status == 429)
    assert ("x-ratelimit-remaining-requests" in other.value.response.headers) == (status == 429)


def test_errors_in_mid_stream_and_pings(claude: anthropic.Anthropic, gpt: openai.OpenAI) -> None:
    overloaded = claude.messages.create(model="fault-4", max_tokens=9, messages=HI, stream=True)
    with overloaded, pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(overloaded)
    broken = gpt.chat.completions.create(model="fault-2.pings", messages=HI, stream=True)
    with broken, pytest.raises(openai.APIError, match="had an error"):
        list(broken)
    kinds = [event.type for event in claude.messages.create(model="pings", max_tokens=9, messages=HI, stream=True)]
    assert "message_stop" in kinds
    assert len(list(gpt.chat.completions.create(model="events-4000.pings.crlf", messages=HI, stream=True))) == 4002


def test_embeddings_are_the_same_in_both_formats(gpt: openai.OpenAI) -> None:
    numbers = gpt.embeddings.create(model="e", input=["a", "b"], dimensions=6, encoding_format="float")
    packed = gpt.embeddings.create(model="e", input=["a", "b"], dimensions=6)  # the SDK asks for base64 and unpacks it
    assert [row.embedding for row in numbers.data] == [row.embedding for row in packed.data]
    assert len(numbers.data[0].embedding) == 6
    assert numbers.data[0].embedding != numbers.data[1].embedding


def test_azure_takes_the_model_from_the_path(url: str) -> None:
    with openai.AzureOpenAI(azure_endpoint=url, api_key="x", api_version="2024-10-21", max_retries=0) as client:
        assert client.chat.completions.create(model="my-gpt", messages=HI).model == "my-gpt"
    client = openai.AzureOpenAI(azure_endpoint=url, api_key="x", api_version="never", max_retries=0)
    with client, pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="my-gpt", messages=HI)


def test_bedrock_converses(bedrock: Any) -> None:
    tools = {"tools": [{"toolSpec": {"name": name, "inputSchema": {"json": SCHEMA}}} for name in NAMES]}
    turns: list[Any] = [{"role": "user", "content": [{"text": "hi"}]}]
    model = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/x.y:0"
    first = bedrock.converse(modelId=model, messages=turns, toolConfig=tools)["output"]["message"]
    assert [block["toolUse"]["input"] for block in first["content"]] == [SAMPLE, SAMPLE]
    answers = [
        {"toolResult": {"toolUseId": one["toolUse"]["toolUseId"], "content": [{"text": "sunny"}]}} for one in first["content"]
    ]
    turns += [first, {"role": "user", "content": answers}]
    second = bedrock.converse(modelId="m", messages=turns, toolConfig=tools)
    assert second["output"]["message"]["content"] == [{"text": "The tool said: sunny The tool said: sunny"}]
    assert second["usage"]["totalTokens"] == second["usage"]["inputTokens"] + second["usage"]["outputTokens"]


def test_bedrock_streams_frames(bedrock: Any) -> None:
    content = [{"image": {"format": "png", "source": {"bytes": b"png"}}}, {"text": "?"}]
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    turns = [{"role": "user", "content": content}]
    whole = bedrock.converse_stream(modelId="m.split-7", messages=turns, additionalModelRequestFields=thinking)["stream"]
    with closing(whole):
        deltas = [event["contentBlockDelta"]["delta"] for event in whole if "contentBlockDelta" in event]
    thought = [delta["reasoningContent"] for delta in deltas if "reasoningContent" in delta]
    assert "".join(delta.get("text", "") for delta in thought) == THOUGHT
    assert thought[-1] == {"signature": sign_thought(THOUGHT)}
    assert "".join(delta.get("text", "") for delta in deltas) == SEEN
    broken = bedrock.converse_stream(modelId="fault-2", messages=turns)["stream"]
    with closing(broken), pytest.raises(EventStreamError, match="throttlingException"):
        list(broken)


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "Validation"), (403, "AccessDenied"), (404, "ResourceNotFound"), (429, "Throttling"), (503, "ServiceUnavailable")],
)
def test_bedrock_errors_have_their_names(bedrock: Any, status: int, name: str) -> None:
    with pytest.raises(ClientError) as raised:
        bedrock.converse(modelId=f"status-{status}", messages=[{"role": "user", "content": [{"text": "hi"}]}])
    assert raised.value.response["Error"]["Code"] == f"{name}Exception"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(("secret", "token", "right"), [("wrong", None, False), (SECRET, "session+/=", True)])
def test_bedrock_signatures_are_verified(url: str, secret: str, token: str | None, *, right: bool) -> None:
    client = aws(url, secret, token)
    turns = [{"role": "user", "content": [{"text": "hi"}]}]
    try:
        if right:
            assert client.converse(modelId="m", messages=turns)["stopReason"] == "end_turn"
        else:
            with pytest.raises(ClientError, match="signature we calculated"):
                client.converse(modelId="m", messages=turns)
    finally:
        client.close()
