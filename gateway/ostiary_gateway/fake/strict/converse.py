"""AWS Bedrock's Converse and ConverseStream.

Held to: "Converse" of the Bedrock Runtime API reference (its service model), "Use a tool to complete an Amazon Bedrock model
response" (results answer the calls of the turn before, a tool configuration is needed) and "Inference parameters: document
names". Unknown fields are refused as the SDKs do before they send.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, UnsetType

from ostiary_gateway.fake.strict import schemas
from ostiary_gateway.fake.strict.data import need_base64
from ostiary_gateway.fake.strict.shape import Form, Problem, Refused, dotted, fit, need

_MIN_BUDGET = 1024
_DOCUMENT_NAME = re.compile(r"(?!.*\s\s)[A-Za-z0-9\s\-()\[\]]{1,200}")

CallId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_.:-]+$")]
Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]
Filled = Annotated[str, Meta(min_length=1)]
Share = Annotated[float, Meta(ge=0, le=1)]


class S3Location(Form, rename="camel"):
    uri: Annotated[str, Meta(pattern="^s3://")]
    bucket_owner: str | None = None


class Source(Form, rename="camel"):
    bytes: Filled | None = None
    s3_location: S3Location | None = None


class DocumentSource(Form, rename="camel"):
    bytes: Filled | None = None
    s3_location: S3Location | None = None
    text: str | None = None
    content: list[dict[str, str]] | None = None


class Image(Form):
    format: Literal["png", "jpeg", "gif", "webp"]
    source: Source


class Document(Form):
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    source: DocumentSource
    format: Literal["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"] | None = None
    context: str | None = None
    citations: dict[str, bool] | None = None


class Media(Form):
    """A video or a recording."""

    format: str
    source: Source


class ToolUse(Form, rename="camel"):
    tool_use_id: CallId
    name: Name
    input: dict[str, Any]
    type: Literal["server_tool_use"] | None = None


class ResultBlock(Form, rename="camel"):
    json: Any | UnsetType = msgspec.UNSET
    text: str | None = None
    image: Image | None = None
    document: Document | None = None
    video: Media | None = None
    search_result: dict[str, Any] | None = None


class ToolResult(Form, rename="camel"):
    tool_use_id: CallId
    content: list[ResultBlock]
    status: Literal["success", "error"] | None = None
    type: str | None = None


class CachePoint(Form):
    type: Literal["default"]
    ttl: Literal["5m", "1h"] | None = None


class ReasoningText(Form):
    text: str
    signature: str | None = None


class Reasoning(Form, rename="camel"):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class Block(Form, rename="camel"):
    text: str | None = None
    image: Image | None = None
    document: Document | None = None
    video: Media | None = None
    audio: Media | None = None
    tool_use: ToolUse | None = None
    tool_result: ToolResult | None = None
    guard_content: dict[str, Any] | None = None
    cache_point: CachePoint | None = None
    reasoning_content: Reasoning | None = None
    citations_content: dict[str, Any] | None = None
    search_result: dict[str, Any] | None = None
    tool_addition: dict[str, Any] | None = None
    tool_removal: dict[str, Any] | None = None


class Message(Form):
    role: Literal["user", "assistant", "system"]
    content: list[Block]


class SystemBlock(Form, rename="camel"):
    text: Filled | None = None
    guard_content: dict[str, Any] | None = None
    cache_point: CachePoint | None = None


class Inference(Form, rename="camel"):
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Share | None = None
    top_p: Share | None = None
    stop_sequences: list[Filled] | None = None


class InputSchema(Form):
    json: dict[str, Any]


class ToolSpec(Form, rename="camel"):
    name: Name
    input_schema: InputSchema
    description: Filled | None = None
    strict: bool | None = None


class SystemTool(Form):
    name: Name


class Tool(Form, rename="camel"):
    tool_spec: ToolSpec | None = None
    system_tool: SystemTool | None = None
    cache_point: CachePoint | None = None


class Nothing(Form):
    """An object without fields."""


class ToolChoice(Form):
    auto: Nothing | None = None
    any: Nothing | None = None
    tool: SystemTool | None = None


class ToolConfig(Form, rename="camel"):
    tools: Annotated[list[Tool], Meta(min_length=1)]
    tool_choice: ToolChoice | None = None


class JsonSchema(Form):
    schema: str
    name: str | None = None
    description: str | None = None


class Structure(Form, rename="camel"):
    json_schema: JsonSchema


class TextFormat(Form):
    type: Literal["json_schema"]
    structure: Structure


class OutputConfig(Form, rename="camel"):
    text_format: TextFormat | None = None
    effort: str | None = None


class ServiceTier(Form):
    type: Literal["priority", "default", "flex", "reserved"]


class Performance(Form):
    latency: Literal["standard", "optimized"] | None = None


class Request(Form, rename="camel"):
    messages: list[Message] | None = None
    system: list[SystemBlock] | None = None
    inference_config: Inference | None = None
    tool_config: ToolConfig | None = None
    guardrail_config: dict[str, Any] | None = None
    additional_model_request_fields: dict[str, Any] | None = None
    prompt_variables: dict[str, Any] | None = None
    additional_model_response_field_paths: list[str] | None = None
    request_metadata: dict[str, Annotated[str, Meta(max_length=256)]] | None = None
    performance_config: Performance | None = None
    service_tier: ServiceTier | None = None
    output_config: OutputConfig | None = None


def check(body: object) -> Problem | None:
    """What the API would refuse."""
    try:
        _check(fit(body, Request))
    except Refused as refused:
        return refused.problem
    return None


def _check(request: Request) -> None:
    messages = request.messages or []
    for number, message in enumerate(messages):
        _check_message(message, f"messages[{number}]")
    for number, block in enumerate(request.system or []):
        _need_one(block, f"system[{number}]")
    _check_turns(messages)
    uses = any(block.tool_use or block.tool_result for message in messages for block in message.content)
    text = "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    need(request.tool_config or not uses, "toolConfig", text)
    _check_tools(request.tool_config)
    form = request.output_config.text_format if request.output_config else None
    if form is not None:
        _check_schema(form.structure.json_schema.schema)
    _check_thinking(request)


def _check_message(message: Message, place: str) -> None:
    need(
        message.content,
        f"{place}.content",
        f"The content field in the Message object at {dotted(place)} is empty. Add a ContentBlock object to it and try again.",
    )
    for number, block in enumerate(message.content):
        where = f"{place}.content[{number}]"
        _need_one(block, where)
        _check_block(block, message.role, where)
    documents = any(block.document for block in message.content)
    texts = any(block.text for block in message.content)
    need(texts or not documents, place, "A text block is required if you include a document in the message.")


def _check_block(block: Block, role: str, place: str) -> None:
    if block.text is not None:
        need(
            block.text.strip(),
            place,
            f"The text field in the ContentBlock object at {dotted(place)} is blank. Add text to the text field, and try again.",
        )
    need(
        role == "user" or not (block.image or block.document or block.tool_result),
        place,
        f"{dotted(place)} is only allowed in user messages.",
    )
    need(
        role == "assistant" or not (block.tool_use or block.reasoning_content),
        place,
        f"{dotted(place)} is only allowed in assistant messages.",
    )
    _check_media(block, place)
    for number, inner in enumerate(block.tool_result.content if block.tool_result else []):
        where = f"{place}.toolResult.content[{number}]"
        _need_one(inner, where)
        _check_media(inner, where)
    if block.reasoning_content is not None:
        _need_one(block.reasoning_content, f"{place}.reasoningContent")


def _check_media(block: Block | ResultBlock, place: str) -> None:
    for name in ("image", "document", "video", "audio"):
        media = getattr(block, name, None)
        if media is None:
            continue
        _need_one(media.source, f"{place}.{name}.source")
        if media.source.bytes is not None:
            need_base64(media.source.bytes, f"{place}.{name}.source.bytes")
        if isinstance(media, Document):
            text = "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses,"
            text += " and square brackets. The name can't contain more than one consecutive whitespace character."
            need(_DOCUMENT_NAME.fullmatch(media.name), f"{place}.document.name", text)


def _need_one(union: Form, place: str) -> None:
    given = [name for name in union.__struct_fields__ if getattr(union, name) not in (None, msgspec.UNSET)]
    need(
        len(given) == 1,
        place,
        f"{dotted(place)} must set exactly one of the following keys: {', '.join(union.__struct_encode_fields__)}.",
    )


def _check_turns(messages: list[Message]) -> None:
    spoken = [message for message in messages if message.role != "system"]
    if spoken:
        text = "A conversation must start with a user message. Try again with a conversation that starts with a user message."
        need(spoken[0].role == "user", "messages[0].role", text)
    for number, (before, after) in enumerate(pairwise(spoken), start=1):
        text = "A conversation must alternate between user and assistant roles. Make sure it does and try again."
        need(before.role != after.role, f"messages[{number}].role", text)
    for number, message in enumerate(spoken):
        results = [block.tool_result.tool_use_id for block in message.content if block.tool_result]
        calls = [block.tool_use.tool_use_id for block in spoken[number - 1].content if block.tool_use] if number else []
        place = f"messages.{number}.content"
        extra = f"The number of toolResult blocks at {place} exceeds the number of toolUse blocks of previous turn."
        need(len(results) <= len(calls), place, extra)
        missing = [call for call in calls if call not in results]
        need(not missing, place, f"Expected toolResult blocks at {place} for the following Ids: {', '.join(missing)}")


def _check_tools(config: ToolConfig | None) -> None:
    names = set()
    for number, tool in enumerate(config.tools if config else []):
        place = f"toolConfig.tools[{number}]"
        _need_one(tool, place)
        if tool.tool_spec is None:
            continue
        names.add(tool.tool_spec.name)
        schema = tool.tool_spec.input_schema.json
        where = f"{place}.toolSpec.inputSchema.json"
        need(schema.get("type") == "object", where, f"The value at {dotted(where)}.type must be one of the following: object.")
        if tool.tool_spec.strict:
            schemas.check_closed(schema, where)
    if config and config.tool_choice:
        _need_one(config.tool_choice, "toolConfig.toolChoice")
        named = config.tool_choice.tool
        text = "The tool that is named in toolChoice is not among the tools."
        need(named is None or named.name in names, "toolConfig.toolChoice.tool.name", text)


def _check_schema(text: str) -> None:
    place = "outputConfig.textFormat.structure.jsonSchema.schema"
    try:
        schema = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise Refused("rule", place, "The JSON schema is not valid JSON.") from None
    need(isinstance(schema, Mapping), place, "The JSON schema must be an object.")
    schemas.check_closed(schema, place)


def _check_thinking(request: Request) -> None:
    """Claude's, which goes through unread by Bedrock: the same rules as Anthropic's own."""
    thinking = (request.additional_model_request_fields or {}).get("thinking")
    if not isinstance(thinking, Mapping) or thinking.get("type") != "enabled":
        return
    budget, inference = thinking.get("budget_tokens") or 0, request.inference_config
    need(
        budget >= _MIN_BUDGET,
        "additionalModelRequestFields.thinking",
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    )
    most = inference.max_tokens if inference else None
    need(
        most is None or most > budget, "inferenceConfig.maxTokens", "`max_tokens` must be greater than `thinking.budget_tokens`."
    )
    choice = request.tool_config.tool_choice if request.tool_config else None
    forced = choice is not None and choice.auto is None
    need(not forced, "toolConfig.toolChoice", "Thinking may not be enabled when tool_choice forces tool use.")
