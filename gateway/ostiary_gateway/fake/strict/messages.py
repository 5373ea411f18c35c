"""Anthropic's Messages API.

Held to: "Messages" and "Count Message tokens" of the API reference; "Tool use: handle tool calls" (results come first, each
answers a call of the message before), "Extended thinking" (budget, temperature, forced tools, the block that must stand
before a call), "Adaptive thinking", "Structured outputs" (JSON schema limitations), "Prompt caching" (four breakpoints),
"Vision" and "PDF support" (sources).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from ostiary_gateway.fake.strict import schemas
from ostiary_gateway.fake.strict.data import need_base64, need_url
from ostiary_gateway.fake.strict.shape import Form, Problem, Refused, by_tag, fit, join, need

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_MIN_BUDGET = 1024
_MAX_BREAKPOINTS = 4
_LEAST_TOP_P = 0.95


class Cache(Form):
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class Text(Form):
    type: Literal["text"]
    text: str
    cache_control: Cache | None = None
    citations: list[dict[str, Any]] | None = None


class Image(Form):
    type: Literal["image"]
    source: dict[str, Any]
    cache_control: Cache | None = None
    transformations: dict[str, Any] | None = None


class Citations(Form):
    enabled: bool | None = None


class Document(Form):
    type: Literal["document"]
    source: dict[str, Any]
    cache_control: Cache | None = None
    citations: Citations | None = None
    context: str | None = None
    title: str | None = None


class SearchResult(Form):
    type: Literal["search_result"]
    source: str
    title: str
    content: list[Text]
    cache_control: Cache | None = None
    citations: Citations | None = None


class Thinking(Form):
    type: Literal["thinking"]
    thinking: str
    signature: str


class RedactedThinking(Form):
    type: Literal["redacted_thinking"]
    data: str


class ToolUse(Form):
    type: Literal["tool_use"]
    id: str
    name: str
    input: dict[str, Any]
    cache_control: Cache | None = None
    caller: dict[str, Any] | None = None
    toolset_name: str | None = None


class ToolResult(Form):
    type: Literal["tool_result"]
    tool_use_id: str
    content: str | list[dict[str, Any]] | None = None
    is_error: bool | None = None
    cache_control: Cache | None = None
    toolset_name: str | None = None


class Base64Source(Form):
    type: Literal["base64"]
    media_type: str
    data: str


class UrlSource(Form):
    type: Literal["url"]
    url: str


class FileSource(Form):
    type: Literal["file"]
    file_id: str


class TextSource(Form):
    type: Literal["text"]
    media_type: Literal["text/plain"]
    data: str


class ContentSource(Form):
    type: Literal["content"]
    content: str | list[dict[str, Any]]


class Message(Form):
    role: Literal["user", "assistant", "system"]
    content: str | list[dict[str, Any]]


class Tool(Form):
    name: str
    input_schema: dict[str, Any]
    type: Literal["custom"] | None = None
    description: str | None = None
    cache_control: Cache | None = None
    strict: bool | None = None
    defer_loading: bool | None = None
    eager_input_streaming: bool | None = None
    input_examples: list[dict[str, Any]] | None = None
    allowed_callers: list[str] | None = None


class ToolChoice(Form):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingConfig(Form):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class JsonFormat(Form):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(Form):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: JsonFormat | None = None


class Metadata(Form):
    user_id: str | None = None


class Counted(Form):
    """What a request has that is only counted; `Request` has more."""

    model: str
    messages: list[Message]
    cache_control: Cache | None = None
    output_config: OutputConfig | None = None
    speed: Literal["fast", "standard"] | None = None
    system: str | list[Text] | None = None
    thinking: ThinkingConfig | None = None
    tool_choice: ToolChoice | None = None
    tools: list[dict[str, Any]] | None = None
    user_profile_id: str | None = None
    workspace_id: str | None = None


class Request(Counted, kw_only=True):
    """`temperature`, `top_k` and `top_p` are gone from the current SDK; older models still take them."""

    max_tokens: int
    container: str | dict[str, Any] | None = None
    diagnostics: dict[str, Any] | None = None
    inference_geo: str | None = None
    metadata: Metadata | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None


_SERVER_BLOCKS = (
    "server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
    "bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result", "container_upload",
)  # fmt: skip
_BLOCKS: Mapping[str, type[Form] | None] = {
    "text": Text, "image": Image, "document": Document, "search_result": SearchResult, "thinking": Thinking,
    "redacted_thinking": RedactedThinking, "tool_use": ToolUse, "tool_result": ToolResult, **dict.fromkeys(_SERVER_BLOCKS),
}  # fmt: skip
_RESULT_BLOCKS: Mapping[str, type[Form] | None] = {
    "text": Text, "image": Image, "document": Document, "search_result": SearchResult, "tool_reference": None,
    "browser_state": None,
}  # fmt: skip
_IMAGE_SOURCES: Mapping[str, type[Form]] = {"base64": Base64Source, "url": UrlSource, "file": FileSource}
_DOCUMENT_SOURCES: Mapping[str, type[Form]] = {**_IMAGE_SOURCES, "text": TextSource, "content": ContentSource}
_IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_BETA_FIELDS = {
    "context_management": "context-management", "mcp_servers": "mcp-client", "fallbacks": "server-side-fallback",
    "compaction": "compact", "output_format": "structured-outputs", "billing_policy": "",
    "fallback_credit_token": "fallback-credit", "thread": "message-threads",
}  # fmt: skip
"""Fields that exist with a header `anthropic-beta` that names this."""


def check(body: object, betas: str = "", *, counted: bool = False) -> Problem | None:
    """What the API would refuse; `betas` is the header `anthropic-beta`, `counted` is for /v1/messages/count_tokens."""
    try:
        _check(_without_betas(body, betas), Counted if counted else Request)
    except Refused as refused:
        return refused.problem
    return None


def _without_betas(body: object, betas: str) -> object:
    if not betas or not isinstance(body, dict):
        return body
    return {name: value for name, value in body.items() if name not in _BETA_FIELDS or _BETA_FIELDS[name] not in betas}


def _check(body: object, form: type[Counted]) -> None:
    request = fit(body, form)
    blocks = [_content(message, f"messages[{number}]") for number, message in enumerate(request.messages)]
    _check_turns(request.messages, blocks)
    _check_tools(request)
    _check_format(request)
    if isinstance(request, Request):
        _check_numbers(request)
        _check_thinking(request, blocks)
    found = sum(_breakpoints(body))
    need(found <= _MAX_BREAKPOINTS, "", f"A maximum of 4 blocks with cache_control may be provided. Found {found}.")


def _content(message: Message, place: str) -> list[Any]:
    """The blocks of a message, each checked; a string is no block."""
    where = join(place, "content")
    if isinstance(message.content, str):
        return []
    blocks = []
    for number, value in enumerate(message.content):
        block = by_tag(value, _BLOCKS, f"{where}[{number}]")
        _check_block(block, message.role, f"{where}[{number}]")
        blocks.append(block)
    return blocks


def _check_block(block: object, role: str, place: str) -> None:
    match block:
        case Text():
            need(block.text, place, "messages: text content blocks must be non-empty")
            need(block.text.strip(), place, "messages: text content blocks must contain non-whitespace text")
        case Image():
            _check_source(block.source, _IMAGE_SOURCES, _IMAGE_TYPES, join(place, "source"))
        case Document():
            _check_source(block.source, _DOCUMENT_SOURCES, ("application/pdf",), join(place, "source"))
        case ToolUse():
            need(role == "assistant", place, f"{place}: `tool_use` blocks can only be in `assistant` messages")
            need(_ID.fullmatch(block.id), join(place, "id"), "String should match pattern '^[a-zA-Z0-9_-]+$'")
            need(_NAME.fullmatch(block.name), join(place, "name"), "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")
        case ToolResult():
            need(role == "user", place, f"{place}: `tool_result` blocks can only be in `user` messages")
            _check_result(block, place)
        case Thinking() | RedactedThinking():
            need(role == "assistant", place, f"{place}: `thinking` blocks can only be in `assistant` messages")
        case _:
            pass


def _check_result(block: ToolResult, place: str) -> None:
    if isinstance(block.content, list):
        for number, value in enumerate(block.content):
            inner = f"{place}.content[{number}]"
            _check_block(by_tag(value, _RESULT_BLOCKS, inner), "user", inner)


def _check_source(source: dict[str, Any], forms: Mapping[str, type[Form]], media_types: tuple[str, ...], place: str) -> None:
    match by_tag(source, forms, place):
        case Base64Source() as inline:
            allowed = " or ".join(f"'{name}'" for name in media_types)
            need(inline.media_type in media_types, join(place, "media_type"), f"Input should be {allowed}")
            need_base64(inline.data, join(place, "data"))
        case UrlSource() as reference:
            need_url(reference.url, join(place, "url"))
        case _:
            pass


def _check_turns(messages: list[Message], blocks: list[list[Any]]) -> None:
    last = len(messages) - 1
    if messages:
        need(messages[0].role == "user", "messages[0].role", 'messages: first message must use the "user" role')
    calls: set[str] = set()
    for number, message in enumerate(messages):
        place = f"messages[{number}]"
        closing = number == last and message.role == "assistant"
        text = "all messages must have non-empty content except for the optional final assistant message"
        need(message.content or closing, place, f"{place}: {text}")
        if closing:
            _check_prefill(message)
        _check_results(blocks[number], blocks[number - 1] if number else [], place)
        _check_calls(blocks[number], blocks[number + 1] if number < last else None, place)
        for block in blocks[number]:
            if isinstance(block, ToolUse):
                need(block.id not in calls, place, "messages: `tool_use` ids must be unique")
                calls.add(block.id)


def _check_prefill(message: Message) -> None:
    text = message.content if isinstance(message.content, str) else (message.content or [{}])[-1].get("text", "")
    need(text == text.rstrip(), "messages", "messages: final assistant content cannot end with trailing whitespace")


def _check_results(blocks: list[Any], before: list[Any], place: str) -> None:
    calls = {block.id for block in before if isinstance(block, ToolUse)}
    seen: set[str] = set()
    for number, block in enumerate(blocks):
        if not isinstance(block, ToolResult):
            continue
        where = f"{place}.content[{number}]"
        need(
            block.tool_use_id in calls,
            where,
            f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {block.tool_use_id}. Each `tool_result` block"
            " must have a corresponding `tool_use` block in the previous message.",
        )
        need(
            block.tool_use_id not in seen, where, f"each tool_use must have a single result. Found multiple: {block.tool_use_id}"
        )
        seen.add(block.tool_use_id)


def _check_calls(blocks: list[Any], after: list[Any] | None, place: str) -> None:
    """Each call has its result in the next message, before anything else there. A call in the last message has none yet."""
    calls = [block.id for block in blocks if isinstance(block, ToolUse)]
    if not calls or after is None:
        return
    results = []
    for block in after:
        if not isinstance(block, ToolResult):
            break
        results.append(block.tool_use_id)
    missing = ", ".join(call for call in calls if call not in results)
    need(
        not missing,
        place,
        f"{place}: `tool_use` ids were found without `tool_result` blocks immediately after: {missing}. Each `tool_use` block"
        " must have a corresponding `tool_result` block in the next message.",
    )


def _check_tools(request: Counted) -> None:
    tools = request.tools or []
    names = []
    for number, value in enumerate(tools):
        place = f"tools[{number}]"
        if value.get("type") not in (None, "custom"):  # a tool of Anthropic's own; what it takes is not looked into
            names.append(str(value.get("name")))
            continue
        tool = fit(value, Tool, place)
        need(_NAME.fullmatch(tool.name), join(place, "custom.name"), "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'")
        kind = tool.input_schema.get("type")
        if kind is None:
            raise Refused("missing", join(place, "custom.input_schema.type"), "Field required")
        need(kind == "object", join(place, "custom.input_schema.type"), "Input should be 'object'")
        if tool.strict:
            schemas.check_closed(tool.input_schema, join(place, "custom"))
        names.append(tool.name)
    need(len(set(names)) == len(names), "tools", "tools: Tool names must be unique.")
    choice = request.tool_choice
    if choice is None:
        return
    need(tools, "tool_choice", "tool_choice: tool_choice may only be specified while providing tools.")
    if choice.type == "tool":
        need(choice.name, "tool_choice.tool.name", "Field required")
        need(choice.name in names, "tool_choice", f"Tool '{choice.name}' not found in provided tools")
    else:
        need(choice.name is None, f"tool_choice.{choice.type}.name", "Extra inputs are not permitted")
    if choice.type == "none":
        absent = choice.disable_parallel_tool_use is None
        need(absent, "tool_choice.none.disable_parallel_tool_use", "Extra inputs are not permitted")


def _check_format(request: Counted) -> None:
    if request.output_config and request.output_config.format:
        schemas.check_closed(request.output_config.format.schema, "output_config.format.schema")


def _check_numbers(request: Request) -> None:
    need(request.max_tokens > 0, "max_tokens", "Input should be greater than or equal to 1")
    need(0 <= (request.temperature or 0) <= 1, "temperature", "temperature: range: 0..1")
    need(0 <= (request.top_p or 0) <= 1, "top_p", "top_p: range: 0..1")
    need((request.top_k or 0) >= 0, "top_k", "Input should be greater than or equal to 0")
    for number, text in enumerate(request.stop_sequences or []):
        place = f"stop_sequences[{number}]"
        need(text.strip(), place, "each stop sequence must contain non-whitespace")
    if isinstance(request.system, list):
        for number, block in enumerate(request.system):
            need(block.text, f"system[{number}]", "system: text content blocks must be non-empty")


def _check_thinking(request: Request, blocks: list[list[Any]]) -> None:
    thinking = request.thinking
    if thinking is None or thinking.type in ("disabled", "between_tools"):
        need(
            thinking is None or thinking.budget_tokens is None,
            "thinking.disabled.budget_tokens",
            "Extra inputs are not permitted",
        )
        return
    forced = request.tool_choice is not None and request.tool_choice.type in ("any", "tool")
    need(not forced, "tool_choice", "Thinking may not be enabled when tool_choice forces tool use.")
    need(request.temperature in (None, 1), "temperature", "`temperature` may only be set to 1 when thinking is enabled.")
    need(request.top_k is None, "top_k", "`top_k` must be unset when thinking is enabled.")
    top_p = 1 if request.top_p is None else request.top_p
    need(top_p >= _LEAST_TOP_P, "top_p", "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.")
    if thinking.type == "adaptive":
        need(thinking.budget_tokens is None, "thinking.adaptive.budget_tokens", "Extra inputs are not permitted")
        return
    budget = thinking.budget_tokens
    if budget is None:
        raise Refused("missing", "thinking.enabled.budget_tokens", "Field required")
    need(budget >= _MIN_BUDGET, "thinking.enabled.budget_tokens", "Input should be greater than or equal to 1024")
    need(request.max_tokens > budget, "max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`.")
    _check_thought(request.messages, blocks)


def _check_thought(messages: list[Message], blocks: list[list[Any]]) -> None:
    """While tools are at work, the turn that called them must begin with what was thought."""
    if not blocks or not any(isinstance(block, ToolResult) for block in blocks[-1]):
        return
    place = f"messages[{len(messages) - 2}]"
    first = blocks[-2][0]
    need(
        isinstance(first, Thinking | RedactedThinking),
        f"{place}.content[0].type",
        f"Expected `thinking` or `redacted_thinking`, but found `{getattr(first, 'type', '')}`. When `thinking` is enabled, a"
        " final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and"
        " `tool_result` blocks).",
    )


def _breakpoints(value: object) -> Iterator[int]:
    if isinstance(value, dict):
        if value.get("type") == "object" and "properties" in value:
            return  # a schema may have a property of that name
        if isinstance(value.get("cache_control"), dict):
            yield 1
        for inner in value.values():
            yield from _breakpoints(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _breakpoints(inner)
