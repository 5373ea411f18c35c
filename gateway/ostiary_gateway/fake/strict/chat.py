"""OpenAI's Chat Completions.

Held to: "Chat: create chat completion" of the API reference; "Function calling" (each call is answered, names), "Structured
model outputs" (strict schemas, the word JSON), "Images and vision", "File inputs". `reasoning_content` of an assistant is
taken although OpenAI has no such field: DeepSeek and vLLM do.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from ostiary_gateway.fake.strict import schemas
from ostiary_gateway.fake.strict.data import need_address, need_base64, split_inline
from ostiary_gateway.fake.strict.shape import Form, Problem, Refused, by_tag, fit, join, need

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MAX_STOPS = 4
_EMPTY = "Invalid '{}': empty array. Expected an array with minimum length 1, but got an empty array instead."

Temperature = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Count = Annotated[int, Meta(ge=1)]


class Breakpoint(Form):
    mode: Literal["explicit"]
    ttl: Literal["30m", "12h"] | None = None


class TextPart(Form):
    type: Literal["text"]
    text: str
    prompt_cache_breakpoint: Breakpoint | None = None


class ImageUrl(Form):
    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(Form):
    type: Literal["image_url"]
    image_url: ImageUrl
    prompt_cache_breakpoint: Breakpoint | None = None


class Audio(Form):
    data: str
    format: Literal["wav", "mp3"]


class AudioPart(Form):
    type: Literal["input_audio"]
    input_audio: Audio
    prompt_cache_breakpoint: Breakpoint | None = None


class File(Form):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Form):
    type: Literal["file"]
    file: File
    prompt_cache_breakpoint: Breakpoint | None = None


class RefusalPart(Form):
    type: Literal["refusal"]
    refusal: str


class SystemMessage(Form):
    role: Literal["system", "developer"]
    content: str | list[dict[str, Any]]
    name: str | None = None


class UserMessage(Form):
    role: Literal["user"]
    content: str | list[dict[str, Any]]
    name: str | None = None


class FunctionCall(Form):
    name: str
    arguments: str


class CustomCall(Form):
    name: str
    input: str


class ToolCall(Form):
    id: str
    type: Literal["function", "custom"]
    function: FunctionCall | None = None
    custom: CustomCall | None = None


class AudioReference(Form):
    id: str


class AssistantMessage(Form):
    role: Literal["assistant"]
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    refusal: str | None = None
    audio: AudioReference | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None
    annotations: list[dict[str, Any]] | None = None
    reasoning_content: str | None = None


class ToolMessage(Form):
    role: Literal["tool"]
    content: str | list[dict[str, Any]]
    tool_call_id: str


class FunctionMessage(Form):
    role: Literal["function"]
    name: str
    content: str | None


class Function(Form):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(Form):
    type: Literal["function"]
    function: Function


class Custom(Form):
    name: str
    description: str | None = None
    format: dict[str, Any] | None = None


class CustomTool(Form):
    type: Literal["custom"]
    custom: Custom


class Named(Form):
    name: str


class Choice(Form):
    type: Literal["function", "custom", "allowed_tools"]
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: dict[str, Any] | None = None


class JsonSchema(Form):
    name: str
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class Format(Form):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(Form):
    include_obfuscation: bool | None = None
    include_usage: bool | None = None


class Prediction(Form):
    type: Literal["content"]
    content: str | list[dict[str, Any]]


class Request(Form):
    model: str
    messages: list[dict[str, Any]]
    audio: dict[str, Any] | None = None
    frequency_penalty: Penalty | None = None
    function_call: Literal["none", "auto"] | Named | None = None
    functions: list[Function] | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    max_completion_tokens: Count | None = None
    max_tokens: Count | None = None
    metadata: dict[str, Annotated[str, Meta(max_length=512)]] | None = None
    modalities: list[Literal["text", "audio"]] | None = None
    moderation: dict[str, Any] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    parallel_tool_calls: bool | None = None
    prediction: Prediction | None = None
    presence_penalty: Penalty | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    response_format: Format | None = None
    safety_identifier: str | None = None
    seed: int | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    stop: str | list[str] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    tool_choice: str | dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    top_p: Share | None = None
    user: str | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    web_search_options: dict[str, Any] | None = None


_MESSAGES: Mapping[str, type[Form]] = {
    "system": SystemMessage, "developer": SystemMessage, "user": UserMessage, "assistant": AssistantMessage, "tool": ToolMessage,
    "function": FunctionMessage,
}  # fmt: skip
_TEXT: Mapping[str, type[Form]] = {"text": TextPart}
_PARTS: Mapping[str, Mapping[str, type[Form]]] = {
    "user": {"text": TextPart, "image_url": ImagePart, "input_audio": AudioPart, "file": FilePart},
    "assistant": {"text": TextPart, "refusal": RefusalPart},
}
_TOOLS: Mapping[str, type[Form]] = {"function": FunctionTool, "custom": CustomTool}


def check(body: object) -> Problem | None:
    """What the API would refuse."""
    try:
        _check(body)
    except Refused as refused:
        return refused.problem
    return None


def _check(body: object) -> None:
    request = fit(body, Request)
    messages = [by_tag(value, _MESSAGES, f"messages[{number}]", "role") for number, value in enumerate(request.messages)]
    for number, message in enumerate(messages):
        _check_message(message, f"messages[{number}]")
    _check_calls(messages)
    _check_tools(request)
    _check_format(request)
    _check_together(request)


def _check_message(message: Any, place: str) -> None:
    if isinstance(message.content, list):
        forms = _PARTS.get(message.role, _TEXT)
        where = join(place, "content")
        need(
            message.content,
            where,
            _EMPTY.format(where),
        )
        for number, value in enumerate(message.content):
            _check_part(by_tag(value, forms, f"{where}[{number}]"), f"{where}[{number}]")
    if isinstance(message, AssistantMessage):
        said = message.content is not None or message.tool_calls or message.function_call or message.refusal or message.audio
        need(said, join(place, "content"), f"Invalid value for 'content': expected a string, got null. ({place})")
        need(
            message.tool_calls != [],
            join(place, "tool_calls"),
            _EMPTY.format(place + ".tool_calls"),
        )
        for number, call in enumerate(message.tool_calls or []):
            where = f"{place}.tool_calls[{number}]"
            if getattr(call, call.type) is None:
                raise Refused("missing", join(where, call.type), "field required")


def _check_part(part: object, place: str) -> None:
    match part:
        case ImagePart():
            where = join(place, "image_url.url")
            need_address(part.image_url.url, where)
            inline = split_inline(part.image_url.url)
            need(inline is None or inline[0].startswith("image/"), where, "You uploaded an unsupported image.")
        case AudioPart():
            need_base64(part.input_audio.data, join(place, "input_audio.data"))
        case FilePart():
            _check_file(part.file, join(place, "file"))
        case _:
            pass


def _check_file(file: File, place: str) -> None:
    need((file.file_data is None) != (file.file_id is None), place, f"Missing required parameter: '{place}.file_id'.")
    if file.file_data is not None:
        need_address(file.file_data, join(place, "file_data"))
        need(file.file_data.startswith("data:"), join(place, "file_data"), "Expected a base64-encoded data URL")


def _check_calls(messages: list[Any]) -> None:
    """Calls and their results, in the order in which they stand."""
    open_calls: dict[str, None] = {}
    for number, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            text = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
            need(message.tool_call_id in open_calls, f"messages[{number}].role", f"Invalid parameter: {text}")
            del open_calls[message.tool_call_id]
            continue
        _need_answered(open_calls, f"messages[{number}].role")
        open_calls = dict.fromkeys(call.id for call in getattr(message, "tool_calls", None) or ())
    if messages and not isinstance(messages[-1], AssistantMessage):
        _need_answered(open_calls, f"messages[{len(messages) - 1}].role")


def _need_answered(open_calls: Mapping[str, None], place: str) -> None:
    need(
        not open_calls,
        place,
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The"
        f" following tool_call_ids did not have response messages: {', '.join(open_calls)}",
    )


def _check_tools(request: Request) -> None:
    need(
        request.tools != [],
        "tools",
        _EMPTY.format("tools"),
    )
    names = set()
    for number, value in enumerate(request.tools or []):
        place = f"tools[{number}]"
        tool = by_tag(value, _TOOLS, place)
        said = tool.function if isinstance(tool, FunctionTool) else tool.custom
        check_name(said.name, f"{place}.{tool.type}.name")
        names.add(said.name)
        if isinstance(said, Function):
            check_function(said, f"{place}.function")
    for name in ("tool_choice", "parallel_tool_calls"):
        given = getattr(request, name) is not None
        need(
            request.tools or not given, name, f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
        )
    _check_choice(request.tool_choice, names)


def check_name(name: str, place: str) -> None:
    text = f"Invalid '{place}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
    need(_NAME.fullmatch(name), place, text)


def check_function(function: Function, place: str) -> None:
    title = f"Invalid schema for function '{function.name}'"
    parameters = function.parameters
    if parameters:
        kind = parameters.get("type")
        need(
            kind == "object",
            f"{place}.parameters",
            f"{title}: schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'.",
        )
    if function.strict:
        schemas.check_strict(parameters or {}, f"{place}.parameters", title)


def _check_choice(choice: str | dict[str, Any] | None, names: set[str]) -> None:
    if isinstance(choice, str):
        text = f"Invalid value: '{choice}'. Supported values are: 'none', 'auto', and 'required'."
        need(choice in ("none", "auto", "required"), "tool_choice", text)
    elif choice is not None:
        said = fit(choice, Choice, "tool_choice")
        named = getattr(said, said.type)
        if named is None:
            raise Refused("missing", f"tool_choice.{said.type}", "field required")
        if isinstance(named, Named):
            need(named.name in names, "tool_choice", f"Tool choice '{named.name}' not found in 'tools' parameter.")


def _check_format(request: Request) -> None:
    said = request.response_format
    if said is None:
        return
    if said.type == "json_schema":
        if said.json_schema is None:
            raise Refused("missing", "response_format.json_schema", "field required")
        check_name(said.json_schema.name, "response_format.json_schema.name")
        if said.json_schema.strict:
            title = f"Invalid schema for response_format '{said.json_schema.name}'"
            schemas.check_strict(said.json_schema.schema or {}, "response_format", title)
    if said.type == "json_object":
        text = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        need(any("json" in word.lower() for word in _strings(request.messages)), "messages", text)


def _check_together(request: Request) -> None:
    both = request.max_tokens is not None and request.max_completion_tokens is not None
    need(not both, "max_tokens", "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
    text = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    need(request.stream or request.stream_options is None, "stream_options", text)
    stops = request.stop if isinstance(request.stop, list) else []
    need(
        len(stops) <= _MAX_STOPS,
        "stop",
        f"Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length {len(stops)}.",
    )
    text = "'top_logprobs' is only allowed when 'logprobs' is enabled."
    need(request.logprobs or request.top_logprobs is None, "top_logprobs", f"Invalid value for 'top_logprobs': {text}")
    text = "The 'metadata' parameter is only allowed when 'store' is enabled."
    need(request.store or not request.metadata, "metadata", text)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
