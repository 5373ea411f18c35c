"""Google's generateContent, of the Gemini API and of Vertex.

Held to: "Generating content" of the API reference (Content, Part, GenerationConfig, Tool, Schema); "Function calling" (turns),
"Structured output", "Thinking" and "Thought signatures". Names may be written in both ways that protobuf's JSON allows.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from ostiary_gateway.fake.strict.data import need_base64
from ostiary_gateway.fake.strict.shape import Form, Problem, Refused, fit, join, need

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
_FREE = frozenset(
    {"args", "response", "parametersJsonSchema", "responseJsonSchema", "partMetadata", "labels", "default", "example"}
)
_BY_NAME = frozenset({"properties", "defs", "$defs"})
_MAX_STOPS = 5


class CamelForm(Form, rename="camel"):
    """A message of Google's."""


class Blob(CamelForm):
    mime_type: str
    data: str
    display_name: str | None = None


class FileData(CamelForm):
    file_uri: str
    mime_type: str | None = None
    display_name: str | None = None


class FunctionCall(CamelForm):
    name: str
    args: dict[str, Any] | None = None
    id: str | None = None


class FunctionResponse(CamelForm):
    name: str
    response: dict[str, Any]
    id: str | None = None
    parts: list[dict[str, Any]] | None = None
    scheduling: str | None = None
    will_continue: bool | None = None


class Part(CamelForm):
    text: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: dict[str, Any] | None = None
    code_execution_result: dict[str, Any] | None = None
    tool_call: dict[str, Any] | None = None
    tool_response: dict[str, Any] | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    video_metadata: dict[str, Any] | None = None
    media_resolution: dict[str, Any] | None = None
    part_metadata: dict[str, Any] | None = None


_DATA = (
    "text", "inline_data", "file_data", "function_call", "function_response", "executable_code", "code_execution_result",
    "tool_call", "tool_response",
)  # fmt: skip


class Content(CamelForm):
    parts: list[Part] | None = None
    role: str | None = None


class Schema(CamelForm):
    """The part of OpenAPI's schema that `parameters` and `responseSchema` are made of; JSON Schema has fields of its own."""

    type: str | None = None
    additional_properties: Any = None
    defs: dict[str, "Schema"] | None = field(default=None, name="$defs")
    ref: str | None = field(default=None, name="$ref")
    any_of: list["Schema"] | None = None
    default: Any = None
    description: str | None = None
    enum: list[str] | None = None
    example: Any = None
    format: str | None = None
    items: "Schema | None" = None
    max_items: int | str | None = None
    max_length: int | str | None = None
    max_properties: int | str | None = None
    maximum: float | None = None
    min_items: int | str | None = None
    min_length: int | str | None = None
    min_properties: int | str | None = None
    minimum: float | None = None
    nullable: bool | None = None
    pattern: str | None = None
    properties: dict[str, "Schema"] | None = None
    property_ordering: list[str] | None = None
    required: list[str] | None = None
    title: str | None = None


class FunctionDeclaration(CamelForm):
    name: str
    description: str | None = None
    behavior: str | None = None
    parameters: Schema | None = None
    parameters_json_schema: Any = None
    response: Any = None
    response_json_schema: Any = None


class Tool(CamelForm):
    function_declarations: list[FunctionDeclaration] | None = None
    code_execution: dict[str, Any] | None = None
    computer_use: dict[str, Any] | None = None
    enterprise_web_search: dict[str, Any] | None = None
    exa_ai_search: dict[str, Any] | None = None
    file_search: dict[str, Any] | None = None
    google_maps: dict[str, Any] | None = None
    google_search: dict[str, Any] | None = None
    google_search_retrieval: dict[str, Any] | None = None
    mcp_servers: list[dict[str, Any]] | None = None
    parallel_ai_search: dict[str, Any] | None = None
    retrieval: dict[str, Any] | None = None
    url_context: dict[str, Any] | None = None


class FunctionCallingConfig(CamelForm):
    mode: Literal["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"] | None = None
    allowed_function_names: list[str] | None = None
    stream_function_call_arguments: bool | None = None


class ToolConfig(CamelForm):
    function_calling_config: FunctionCallingConfig | None = None
    retrieval_config: dict[str, Any] | None = None
    include_server_side_tool_invocations: bool | None = None


class ThinkingConfig(CamelForm):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: (
        Literal["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "minimal", "low", "medium", "high"] | None
    ) = None


class GenerationConfig(CamelForm):
    audio_timestamp: bool | None = None
    audio_transcription_config: dict[str, Any] | None = None
    candidate_count: Annotated[int, Meta(ge=1, le=8)] | None = None
    enable_affective_dialog: bool | None = None
    enable_enhanced_civic_answers: bool | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, lt=2)] | None = None
    image_config: dict[str, Any] | None = None
    logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    media_resolution: str | None = None
    model_selection_config: dict[str, Any] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, lt=2)] | None = None
    response_format: Any = None
    response_json_schema: Any = None
    response_logprobs: bool | None = None
    response_mime_type: str | None = None
    response_modalities: list[str] | None = None
    response_schema: Schema | None = None
    routing_config: dict[str, Any] | None = None
    seed: int | None = None
    speech_config: dict[str, Any] | None = None
    stop_sequences: list[str] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    thinking_config: ThinkingConfig | None = None
    top_k: Annotated[float, Meta(ge=1)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    translation_config: dict[str, Any] | None = None


class Request(CamelForm):
    contents: list[Content]
    cached_content: str | None = None
    generation_config: GenerationConfig | None = None
    labels: dict[str, str] | None = None
    model: str | None = None
    model_armor_config: dict[str, Any] | None = None
    safety_settings: list[dict[str, Any]] | None = None
    service_tier: str | None = None
    store: bool | None = None
    system_instruction: Content | None = None
    tool_config: ToolConfig | None = None
    tools: list[Tool] | None = None


def check(body: object) -> Problem | None:
    """What the API would refuse."""
    try:
        _check(fit(camel(body), Request))
    except Refused as refused:
        return refused.problem
    return None


def camel(value: Any) -> Any:
    """Names with underscores as lowerCamelCase, but for names that a caller chose."""
    if isinstance(value, list):
        return [camel(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    renamed = {}
    for name, inner in value.items():
        new = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
        if new in _BY_NAME and isinstance(inner, dict):
            renamed[new] = {key: camel(schema) for key, schema in inner.items()}
        else:
            renamed[new] = inner if new in _FREE else camel(inner)
    return renamed


def _check(request: Request) -> None:
    for number, content in enumerate(request.contents):
        place = f"contents[{number}]"
        need(
            content.role in (None, "", "user", "model", "function"), join(place, "role"), "Please use a valid role: user, model."
        )
        _check_parts(content, place)
    if request.system_instruction is not None:
        _check_parts(request.system_instruction, "systemInstruction")
    _check_turns(request.contents)
    _check_tools(request)
    if request.generation_config is not None:
        _check_config(request.generation_config)


def _check_parts(content: Content, place: str) -> None:
    need(content.parts, f"{place}.parts", f"{place}.parts must not be empty.")
    for number, part in enumerate(content.parts or []):
        where = f"{place}.parts[{number}]"
        given = [name for name in _DATA if getattr(part, name) is not None]
        need(len(given) <= 1, where, "oneof field 'data' is already set. Cannot set more than one.")
        need(given or part.thought_signature, f"{where}.data", "required oneof field 'data' must have one initialized field")
        if part.inline_data is not None:
            need_base64(part.inline_data.data, f"{where}.inlineData.data", url_safe=True)
        if part.thought_signature is not None:
            need_base64(part.thought_signature, f"{where}.thoughtSignature", url_safe=True)


def _check_turns(contents: list[Content]) -> None:
    """Calls follow a user's turn and are all answered in the turn after them."""
    for number, content in enumerate(contents):
        calls = sum(part.function_call is not None for part in content.parts or [])
        before = contents[number - 1] if number else None
        place = f"contents[{number}]"
        if calls:
            after_user = before is not None and before.role != "model"
            text = "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
            need(after_user, place, text)
        responses = sum(part.function_response is not None for part in content.parts or [])
        if not responses and not _calls_of(before):
            continue
        text = "Please ensure that the number of function response parts is equal to the number of function call parts of the"
        need(responses == _calls_of(before), place, f"{text} function call turn.")
        _check_names(before, content, place)


def _check_names(before: Content | None, content: Content, place: str) -> None:
    called = sorted(part.function_call.name for part in (before.parts if before else None) or [] if part.function_call)
    answered = sorted(part.function_response.name for part in content.parts or [] if part.function_response)
    need(called == answered, place, "Please ensure that function response parts carry the names of the function call parts.")


def _calls_of(content: Content | None) -> int:
    return sum(part.function_call is not None for part in (content.parts if content else None) or [])


def _check_tools(request: Request) -> None:
    names: set[str] = set()
    for number, tool in enumerate(request.tools or []):
        for index, declared in enumerate(tool.function_declarations or []):
            where = f"tools[{number}].functionDeclarations[{index}]"
            need(
                _NAME.fullmatch(declared.name),
                f"{where}.name",
                "Invalid function name. Must start with a letter or an underscore.",
            )
            need(declared.name not in names, where, f"Duplicate function declaration found: {declared.name}")
            both = declared.parameters is not None and declared.parameters_json_schema is not None
            need(not both, where, "parameters and parameters_json_schema are mutually exclusive.")
            names.add(declared.name)
    config = request.tool_config.function_calling_config if request.tool_config else None
    if config is None:
        return
    place = "toolConfig.functionCallingConfig"
    need(names or config.mode != "ANY", place, "Function calling config is set without function_declarations.")
    allowed = config.allowed_function_names or []
    need(
        not allowed or config.mode in ("ANY", "VALIDATED"),
        place,
        "allowed_function_names is only allowed when mode is ANY or VALIDATED.",
    )
    for name in allowed:
        need(name in names, place, f"allowed_function_names contains a function that is not declared: {name}")


def _check_config(config: GenerationConfig) -> None:
    place = "generationConfig"
    held = config.response_schema is not None or config.response_json_schema is not None
    text = "response_schema is only allowed when response_mime_type is application/json."
    need(not held or config.response_mime_type in ("application/json", "text/x.enum"), place, text)
    need(
        config.response_schema is None or config.response_json_schema is None,
        place,
        "response_schema and response_json_schema exclude each other.",
    )
    need(len(config.stop_sequences or []) <= _MAX_STOPS, f"{place}.stopSequences", "At most 5 stop sequences are supported.")
    need(
        config.response_logprobs or config.logprobs is None,
        f"{place}.logprobs",
        "logprobs is only allowed when response_logprobs is true.",
    )
    thinking = config.thinking_config
    both = thinking is not None and thinking.thinking_budget is not None and thinking.thinking_level is not None
    need(not both, place, "You can only set only one of thinking budget and thinking level.")


def read_parts(contents: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The parts of the last turn, by camelCase names."""
    return list(contents[-1].get("parts") or ()) if contents else []
