"""What the strict checks refuse, one rule at a time, and that they take what they should."""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ostiary_gateway.fake.dialect import Stream
from ostiary_gateway.fake.journal import Journal
from ostiary_gateway.fake.route import find_answer
from ostiary_gateway.fake.strict import (
    chat,
    completions,
    converse,
    count_tokens,
    embed,
    embeddings,
    generate,
    messages,
    responses,
)
from ostiary_gateway.fake.wire import Request

OPEN = {"type": "object", "properties": {"city": {"type": "string"}}}
CLOSED = {**OPEN, "additionalProperties": False, "required": ["city"]}
PNG = "data:image/png;base64,cG5n"
USER = {"role": "user", "content": "hi"}

CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "?"}, {"type": "image_url", "image_url": {"url": PNG}}]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ],
    "tools": [{"type": "function", "function": {"name": "w", "parameters": OPEN}}],
    "n": 1.0,
}
CLAUDE = {
    "model": "m",
    "max_tokens": 2048,
    "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "tool_use", "id": "c1", "name": "w", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "sunny"}, {"type": "text", "text": "so?"}],
        },
    ],
    "tools": [{"name": "w", "input_schema": OPEN}],
    "thinking": {"type": "enabled", "budget_tokens": 1024},
}
RESPONSE = {
    "model": "m",
    "input": [
        {"role": "user", "content": [{"type": "input_image", "image_url": PNG, "detail": "auto"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "e"},
        {"type": "function_call", "call_id": "c1", "name": "w", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "so", "annotations": []}]},
        {"role": "user", "content": "and?"},
    ],
    "tools": [{"type": "function", "name": "w", "parameters": OPEN, "strict": False}, {"type": "web_search"}],
}
GEMINI = {
    "contents": [
        {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "cG5n"}}, {"text": "?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "w", "args": {"snake_case": 1}}, "thoughtSignature": "c2ln"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "w", "response": {"output": "sunny"}}}]},
    ],
    "tools": [
        {"functionDeclarations": [{"name": "w", "parametersJsonSchema": CLOSED}, {"name": "v", "parameters": {"type": "OBJECT"}}]}
    ],
    "generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": CLOSED, "topK": 4},
}
AWS = {
    "messages": [
        {"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": "cG5n"}}}, {"text": "?"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c1", "name": "w", "input": {}}}]},
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "c1", "content": [{"json": {"sky": "blue"}}, {"text": "sunny"}]}}],
        },
    ],
    "toolConfig": {"tools": [{"toolSpec": {"name": "w", "inputSchema": {"json": OPEN}}}]},
    "inferenceConfig": {"maxTokens": 2048},
}
GOOD = {
    chat: CHAT, messages: CLAUDE, responses: RESPONSE, generate: GEMINI, converse: AWS,
    completions: {"model": "m", "prompt": "x"}, embeddings: {"model": "m", "input": ["a", "b"]},
    count_tokens: {"model": "m", "messages": [USER]},
    embed: {"requests": [{"model": "models/m", "content": {"parts": [{"text": "a"}]}}]},
}  # fmt: skip
STRICT = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": OPEN}}
TOOL_CALL = {"type": "tool_use", "id": "c2", "name": "w", "input": {}}
CACHED = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize("dialect", GOOD, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_good_request_is_taken(dialect: Any) -> None:
    assert dialect.check(GOOD[dialect]) is None


@pytest.mark.parametrize("dialect", GOOD, ids=lambda module: module.__name__.rpartition(".")[2])
def test_unknown_fields_are_refused_wherever_an_object_may_stand(dialect: Any) -> None:
    for place in objects(GOOD[dialect]):
        body = copy.deepcopy(GOOD[dialect])
        target = body
        for step in place:
            target = target[step]
        target["frob"] = 1
        problem = dialect.check(body)
        assert problem is not None, place
        assert (problem.kind, problem.place.rpartition(".")[2]) in {("unknown", "frob"), ("rule", "frob")}, (place, problem)


FREE = ("input", "args", "parameters", "input_schema", "schema", "parametersJsonSchema", "responseJsonSchema", "response", "json")


def objects(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where objects stand that are the API's own, not a caller's."""
    if isinstance(value, list):
        return [found for number, inner in enumerate(value) for found in objects(inner, (*place, number))]
    if not isinstance(value, dict) or (place and place[-1] in FREE):
        return []
    if value.get("type") == "web_search":
        return []
    return [place, *(found for name, inner in value.items() for found in objects(inner, (*place, name)))]


DECLARED = "tools.0.functionDeclarations.1"
FILE = {"name": "a.b", "source": {"text": "x"}}
THINKING = {"type": "enabled", "budget_tokens": 4096}
HELD = [
    (chat, "messages", 3, "messages"),
    (chat, "messages.3.tool_call_id", "c9", "messages[3].role"),
    (chat, "messages.3", USER, "messages[3].role"),
    (chat, "messages.1.content.1.image_url.url", "ftp://x", "messages[1].content[1].image_url.url"),
    (chat, "messages.1.content.1.image_url.url", "data:image/png;base64,???", "messages[1].content[1].image_url.url"),
    (chat, "messages.1.content.1.type", "image", "messages[1].content[1].type"),
    (chat, "messages.1.content", [], "messages[1].content"),
    (chat, "messages.0.content", [{"type": "image_url", "image_url": {"url": PNG}}], "messages[0].content[0].type"),
    (chat, "messages.2.tool_calls", [], "messages[2].content"),
    (chat, "tools", [], "tools"),
    (chat, "tools.0.function.name", "a b", "tools[0].function.name"),
    (chat, "tools.0.function.strict", True, "tools[0].function.parameters"),
    (chat, "tools.0.function.parameters", {"type": "string"}, "tools[0].function.parameters"),
    (chat, "tool_choice", "must", "tool_choice"),
    (chat, "tool_choice", {"type": "function", "function": {"name": "v"}}, "tool_choice"),
    (chat, "stop", ["1", "2", "3", "4", "5"], "stop"),
    (chat, "stream_options", {"include_usage": True}, "stream_options"),
    (chat, "metadata", {"a": "b"}, "metadata"),
    (chat, "temperature", 2.5, "temperature"),
    (chat, "top_logprobs", 2, "top_logprobs"),
    (chat, "n", 1.5, "n"),
    (chat, "reasoning_effort", "huge", "reasoning_effort"),
    (chat, "response_format", STRICT, "response_format"),
    (chat, "response_format", {"type": "json_object"}, "messages"),
    (messages, "max_tokens", 1024, "max_tokens"),
    (messages, "max_tokens", 0, "max_tokens"),
    (messages, "temperature", 0.5, "temperature"),
    (messages, "top_k", 5, "top_k"),
    (messages, "tool_choice", {"type": "any"}, "tool_choice"),
    (messages, "thinking.budget_tokens", 10, "thinking.enabled.budget_tokens"),
    (messages, "messages.0.role", "assistant", "messages[0].role"),
    (messages, "messages.0.content", [{"type": "text", "text": ""}], "messages[0].content[0]"),
    (messages, "messages.0.content", "", "messages[0]"),
    (messages, "messages.0.content.0.source.media_type", "image/tiff", "messages[0].content[0].source.media_type"),
    (messages, "messages.0.content.0.source.data", "cG5", "messages[0].content[0].source.data"),
    (messages, "messages.0.content.0.source", {"type": "url", "url": "x"}, "messages[0].content[0].source.url"),
    (messages, "messages.1.content.0", {"type": "text", "text": "hm"}, "messages[1].content[0].type"),
    (messages, "messages.1.content.1.id", "c 1", "messages[1].content[1].id"),
    (messages, "messages.1.content.0", {**TOOL_CALL, "id": "c1"}, "messages[1]"),
    (messages, "messages.2.content.0.tool_use_id", "c9", "messages[1]"),
    (messages, "messages.2.content.0", {"type": "text", "text": "first"}, "messages[1]"),
    (messages, "messages.2.content.1", {"type": "tool_result", "tool_use_id": "c9"}, "messages[2].content[1]"),
    (messages, "messages.2.content.1", {"type": "tool_result", "tool_use_id": "c1"}, "messages[2].content[1]"),
    (messages, "messages.2.content.1", TOOL_CALL, "messages[2].content[1]"),
    (messages, "messages.2.content.1", {"type": "thinking", "thinking": "", "signature": ""}, "messages[2].content[1]"),
    (messages, "tools.0.input_schema", {"properties": {}}, "tools[0].custom.input_schema.type"),
    (messages, "tools.0.strict", True, "tools[0].custom"),
    (messages, "tools", [CLAUDE["tools"][0], CLAUDE["tools"][0]], "tools"),
    (messages, "output_config", {"format": {"type": "json_schema", "schema": OPEN}}, "output_config.format.schema"),
    (messages, "stop_sequences", [" "], "stop_sequences[0]"),
    (messages, "system", [CACHED] * 5, ""),
    (messages, "metadata", {"user": "x"}, "metadata.user"),
    (responses, "input.3.call_id", "c9", "input"),
    (responses, "input.3", USER, "input"),
    (responses, "input.4.content.0.type", "input_text", "input[4].content[0].type"),
    (responses, "input.0.content.0.image_url", "x", "input[0].content[0].image_url"),
    (responses, "input.0.content.0.file_id", "f", "input[0].content[0]"),
    (responses, "max_output_tokens", 5, "max_output_tokens"),
    (responses, "tools.0.strict", True, "tools[0].parameters"),
    (responses, "tool_choice", {"type": "function", "name": "v"}, "tool_choice"),
    (responses, "include", ["all"], "include[0]"),
    (responses, "text", {"format": {"type": "json_schema", "name": "x"}}, "text.format.schema"),
    (responses, "n", 2, "n"),
    (generate, "contents.0.role", "assistant", "contents[0].role"),
    (generate, "contents.0.parts", [], "contents[0].parts"),
    (generate, "contents.0.parts.0", {"text": "a", "fileData": {"fileUri": "x"}}, "contents[0].parts[0]"),
    (generate, "contents.0.parts.0", {"thought": True}, "contents[0].parts[0].data"),
    (generate, "contents.1.parts.0.thoughtSignature", "!", "contents[1].parts[0].thoughtSignature"),
    (generate, "contents.2.parts", [{"text": "x"}], "contents[2]"),
    (generate, "contents.2.parts.0.functionResponse.name", "v", "contents[2]"),
    (generate, "contents.0.role", "model", "contents[1]"),
    (generate, f"{DECLARED}.name", "w", "tools[0].functionDeclarations[1]"),
    (generate, f"{DECLARED}.name", "a b", "tools[0].functionDeclarations[1].name"),
    (generate, f"{DECLARED}.parameters", {"$schema": "x"}, "tools[0].functionDeclarations[1].parameters.$schema"),
    (generate, "generationConfig.responseSchema", {"const": 1}, "generationConfig.responseSchema.const"),
    (generate, "toolConfig", {"functionCallingConfig": {"allowedFunctionNames": ["w"]}}, "toolConfig.functionCallingConfig"),
    (generate, "generationConfig.responseMimeType", "text/plain", "generationConfig"),
    (generate, "generationConfig.stopSequences", list("abcdef"), "generationConfig.stopSequences"),
    (generate, "generationConfig.thinkingConfig", {"thinkingBudget": 1, "thinkingLevel": "LOW"}, "generationConfig"),
    (generate, "generationConfig.maxOutputTokens", "many", "generationConfig.maxOutputTokens"),
    (converse, "messages.0.role", "assistant", "messages[0].content[0]"),
    (converse, "messages.1.role", "user", "messages[1].content[0]"),
    (converse, "messages.1.content", [{"text": " "}], "messages[1].content[0]"),
    (converse, "messages.2.content.0.toolResult.toolUseId", "c9", "messages.2.content"),
    (converse, "messages.2.content.0", {"text": "x"}, "messages.2.content"),
    (converse, "messages.2.role", "system", "messages[2].content[0]"),
    (converse, "messages.0.content.0", {"text": "a", "cachePoint": {"type": "default"}}, "messages[0].content[0]"),
    (converse, "messages.0.content.0.image.source.bytes", "!", "messages[0].content[0].image.source.bytes"),
    (converse, "messages.0.content", [{"document": {"name": "a", "source": {"text": "x"}}}], "messages[0]"),
    (converse, "messages.0.content.0", {"document": FILE}, "messages[0].content[0].document.name"),
    (converse, "toolConfig", None, "toolConfig"),
    (converse, "toolConfig.tools.0.toolSpec.inputSchema.json", {}, "toolConfig.tools[0].toolSpec.inputSchema.json"),
    (converse, "toolConfig.toolChoice", {"tool": {"name": "v"}}, "toolConfig.toolChoice.tool.name"),
    (converse, "toolConfig.toolChoice", {}, "toolConfig.toolChoice"),
    (converse, "inferenceConfig.temperature", 2, "inferenceConfig.temperature"),
    (converse, "inferenceConfig.maxTokens", "1", "inferenceConfig.maxTokens"),
    (converse, "additionalModelRequestFields", {"thinking": THINKING}, "inferenceConfig.maxTokens"),
    (completions, "best_of", 0, "best_of"),
    (completions, "stream_options", {}, "stream_options"),
    (embeddings, "input", ["a", ""], "input"),
    (embeddings, "encoding_format", "int8", "encoding_format"),
    (count_tokens, "max_tokens", 5, "max_tokens"),
    (embed, "requests.0.model", "m", "requests[0].model"),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "path", "value", "place"), HELD)
def test_a_rule_is_held(dialect: Any, path: str, value: Any, place: str) -> None:
    body = copy.deepcopy(GOOD[dialect])
    *steps, last = path.split(".")
    target = body
    for step in steps:
        target = target[int(step) if step.isdecimal() else step]
    target[int(last) if last.isdecimal() else last] = copy.deepcopy(value)
    problem = dialect.check(body)
    assert problem is not None
    assert problem.place == place, problem


def test_beta_fields_need_their_header() -> None:
    body = {"model": "m", "max_tokens": 9, "messages": [USER], "context_management": {"edits": []}}
    assert messages.check(body) is not None
    assert messages.check(body, "context-management-2025-06-27") is None


@pytest.mark.parametrize(
    "change",
    [
        {"output_config": {"format": {"type": "json_schema", "schema": CLOSED}, "effort": "low"}},
        {"thinking": {"type": "adaptive", "display": "summarized"}},
        {"thinking": {"type": "disabled"}, "temperature": 0.2, "tool_choice": {"type": "tool", "name": "w"}},
        {"tools": [*CLAUDE["tools"], {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]},
        {"messages": [USER, {"role": "assistant", "content": "so"}], "metadata": {"user_id": None}},
    ],
)
def test_what_anthropic_takes(change: dict[str, Any]) -> None:
    assert messages.check({**CLAUDE, **change}) is None


TARGETS = {
    chat: "/v1/chat/completions", messages: "/v1/messages", responses: "/v1/responses", converse: "/model/m/converse",
    generate: "/v1beta/models/m:generateContent", completions: "/v1/completions", embeddings: "/v1/embeddings",
    count_tokens: "/v1/messages/count_tokens", embed: "/v1beta/models/m:batchEmbedContents",
}  # fmt: skip
CREDENTIALS = (("authorization", "Bearer x"), ("x-api-key", "x"), ("anthropic-version", "v"), ("x-goog-api-key", "k"))
ODD = (None, True, 1.0, -1, "", "x", [], {}, [None], {"a": 1}, {"type": "x"})


@pytest.mark.parametrize("dialect", GOOD, ids=lambda module: module.__name__.rpartition(".")[2])
def test_whatever_is_asked_is_answered(dialect: Any) -> None:
    """With a value of another kind in any place, the answer is 200 or says what is wrong; nothing breaks."""
    for place in places(GOOD[dialect]):
        for odd in ODD:
            body = copy.deepcopy(GOOD[dialect])
            target = body
            for step in place[:-1]:
                target = target[step]
            target[place[-1]] = odd
            reply = find_answer(Request("POST", TARGETS[dialect], CREDENTIALS, msgspec.json.encode(body)), Journal())
            if isinstance(reply, Stream):
                assert b"".join(reply.portions)
            else:
                assert reply.status in (200, 400), (place, odd)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of everything within a value, from the outside in."""
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*place, step)
        yield from places(inner, (*place, step))
