"""OpenAI's Responses.

Held to: "Responses: create a model response" of the API reference; "Function calling" (an output answers a call that is
there), "Structured model outputs", "Images and vision", "Reasoning models" (items as they came).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from ostiary_gateway.fake.strict import schemas
from ostiary_gateway.fake.strict.chat import Breakpoint, Function, Named, Share, Temperature, check_function, check_name
from ostiary_gateway.fake.strict.data import need_address
from ostiary_gateway.fake.strict.shape import Form, Problem, Refused, by_tag, fit, join, need

Status = Literal["in_progress", "completed", "incomplete"]


class InputText(Form):
    type: Literal["input_text"]
    text: str
    prompt_cache_breakpoint: Breakpoint | None = None


class InputImage(Form):
    type: Literal["input_image"]
    detail: Literal["low", "high", "auto", "original"] | None = None
    file_id: str | None = None
    image_url: str | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class InputFile(Form):
    type: Literal["input_file"]
    detail: Literal["auto", "low", "high"] | None = None
    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class OutputText(Form):
    type: Literal["output_text"]
    text: str
    annotations: list[dict[str, Any]] | None = None
    logprobs: list[dict[str, Any]] | None = None


class Refusal(Form):
    type: Literal["refusal"]
    refusal: str


class Message(Form):
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[dict[str, Any]]
    type: Literal["message"] | None = None
    id: str | None = None
    status: Status | None = None
    phase: Literal["commentary", "final_answer"] | None = None


class FunctionCall(Form):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: Status | None = None
    namespace: str | None = None
    caller: dict[str, Any] | None = None
    async_: bool | None = field(default=None, name="async")


class FunctionCallOutput(Form):
    type: Literal["function_call_output"]
    call_id: str
    output: str | list[dict[str, Any]]
    id: str | None = None
    name: str | None = None
    namespace: str | None = None
    status: Status | None = None
    caller: dict[str, Any] | None = None


class CustomCall(Form, kw_only=True):
    type: Literal["custom_tool_call"]
    async_: bool | None = field(default=None, name="async")
    call_id: str
    name: str
    input: str
    id: str | None = None
    status: Status | None = None
    namespace: str | None = None
    caller: dict[str, Any] | None = None


class CustomCallOutput(Form):
    type: Literal["custom_tool_call_output"]
    call_id: str
    output: str | list[dict[str, Any]]
    id: str | None = None
    caller: dict[str, Any] | None = None


class Summary(Form):
    type: Literal["summary_text"]
    text: str


class ReasoningText(Form):
    type: Literal["reasoning_text"]
    text: str


class ReasoningItem(Form):
    type: Literal["reasoning"]
    summary: list[Summary]
    id: str | None = None
    content: list[ReasoningText] | None = None
    encrypted_content: str | None = None
    status: Status | None = None


class ItemReference(Form):
    id: str
    type: Literal["item_reference"] | None = None


class FunctionTool(Form, kw_only=True):
    type: Literal["function"]
    name: str
    parameters: dict[str, Any] | None
    strict: bool | None = None
    description: str | None = None
    allowed_callers: list[str] | None = None
    async_: bool | None = field(default=None, name="async")
    defer_loading: bool | None = None
    output_schema: dict[str, Any] | None = None


class CustomTool(Form, kw_only=True):
    type: Literal["custom"]
    name: str
    description: str | None = None
    format: dict[str, Any] | None = None
    allowed_callers: list[str] | None = None
    async_: bool | None = field(default=None, name="async")
    defer_loading: bool | None = None


class Reasoning(Form):
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None
    context: str | None = None
    mode: str | None = None


class Format(Form):
    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class Text(Form):
    format: Format | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class StreamOptions(Form):
    include_obfuscation: bool | None = None


class Request(Form):
    model: str
    input: str | list[dict[str, Any]]
    access_programs: Any = None
    background: bool | None = None
    context_management: list[dict[str, Any]] | None = None
    conversation: str | dict[str, Any] | None = None
    image: dict[str, Any] | None = None
    include: list[str] | None = None
    instructions: str | None = None
    max_output_tokens: Annotated[int, Meta(ge=16)] | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, Annotated[str, Meta(max_length=512)]] | None = None
    moderation: dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    prompt: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    reasoning: Reasoning | None = None
    safety_identifier: str | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    text: Text | None = None
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    top_p: Share | None = None
    truncation: Literal["auto", "disabled"] | None = None
    user: str | None = None


_OWN_ITEMS = (
    "file_search_call", "computer_call", "computer_call_output", "web_search_call", "tool_search_call", "tool_search_output",
    "additional_tools", "configuration_update", "compaction", "image_generation_call", "code_interpreter_call",
    "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call",
    "apply_patch_call_output", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call",
    "compaction_trigger", "program", "program_output",
)  # fmt: skip
_ITEMS: Mapping[str, type[Form] | None] = {
    "message": Message, "function_call": FunctionCall, "function_call_output": FunctionCallOutput, "custom_tool_call": CustomCall,
    "custom_tool_call_output": CustomCallOutput, "reasoning": ReasoningItem, "item_reference": ItemReference,
    **dict.fromkeys(_OWN_ITEMS),
}  # fmt: skip
_OWN_TOOLS = (
    "file_search", "computer", "computer_use_preview", "web_search", "web_search_2025_08_26", "mcp", "code_interpreter",
    "programmatic_tool_calling", "image_generation", "local_shell", "shell", "namespace", "tool_search", "web_search_preview",
    "web_search_preview_2025_03_11", "apply_patch",
)  # fmt: skip
_TOOLS: Mapping[str, type[Form] | None] = {"function": FunctionTool, "custom": CustomTool, **dict.fromkeys(_OWN_TOOLS)}
_INPUT: Mapping[str, type[Form]] = {"input_text": InputText, "input_image": InputImage, "input_file": InputFile}
_OUTPUT: Mapping[str, type[Form]] = {"output_text": OutputText, "refusal": Refusal}
_INCLUDE = (
    "file_search_call.results", "web_search_call.results", "web_search_call.action.sources", "message.input_image.image_url",
    "computer_call_output.output.image_url", "code_interpreter_call.outputs", "reasoning.encrypted_content",
    "message.output_text.logprobs",
)  # fmt: skip


def check(body: object) -> Problem | None:
    """What the API would refuse."""
    try:
        _check(body)
    except Refused as refused:
        return refused.problem
    return None


def _check(body: object) -> None:
    request = fit(body, Request)
    if isinstance(request.input, list):
        _check_input(request.input, continued=bool(request.previous_response_id or request.conversation))
    _check_tools(request)
    for number, name in enumerate(request.include or []):
        need(name in _INCLUDE, f"include[{number}]", f"Invalid value: '{name}'.")
    form = request.text.format if request.text else None
    if form is not None and form.type == "json_schema":
        for name in ("name", "schema"):
            if getattr(form, name) is None:
                raise Refused("missing", f"text.format.{name}", "field required")
        check_name(str(form.name), "text.format.name")
        if form.strict:
            schemas.check_strict(form.schema or {}, "text.format.schema", f"Invalid schema for response_format '{form.name}'")


def _check_input(items: list[dict[str, Any]], *, continued: bool) -> None:
    calls: set[str] = set()
    answered: set[str] = set()
    for number, value in enumerate(items):
        place = f"input[{number}]"
        tagged = value if value.get("type") else {**value, "type": "message" if "role" in value else "item_reference"}
        match by_tag(tagged, _ITEMS, place):
            case Message() as message:
                _check_content(message, place)
            case FunctionCall() | CustomCall() as call:
                calls.add(call.call_id)
            case FunctionCallOutput() | CustomCallOutput() as output:
                known = continued or output.call_id in calls
                need(known, "input", f"No tool call found for function call output with call_id {output.call_id}.")
                answered.add(output.call_id)
                _check_parts(output.output, _INPUT, join(place, "output"))
            case _:
                pass
    missing = min(calls - answered, default="")
    need(not missing, "input", f"No tool output found for function call {missing}.")


def _check_content(message: Message, place: str) -> None:
    """What an assistant said comes back as output, what it was told as input."""
    _check_parts(message.content, _OUTPUT if message.role == "assistant" else _INPUT, join(place, "content"))


def _check_parts(content: str | list[dict[str, Any]], forms: Mapping[str, type[Form]], place: str) -> None:
    for number, value in enumerate(content if isinstance(content, list) else ()):
        where = f"{place}[{number}]"
        match by_tag(value, forms, where):
            case InputImage() as image:
                need(
                    (image.image_url is None) != (image.file_id is None),
                    where,
                    f"Missing required parameter: '{where}.image_url'.",
                )
                if image.image_url is not None:
                    need_address(image.image_url, join(where, "image_url"))
            case InputFile() as file:
                given = [name for name in ("file_data", "file_id", "file_url") if getattr(file, name) is not None]
                need(len(given) == 1, where, f"Missing required parameter: '{where}.file_id'.")
                if file.file_data is not None:
                    need_address(file.file_data, join(where, "file_data"))
            case _:
                pass


def _check_tools(request: Request) -> None:
    names = set()
    for number, value in enumerate(request.tools or []):
        place = f"tools[{number}]"
        tool = by_tag(value, _TOOLS, place)
        if isinstance(tool, FunctionTool | CustomTool):
            check_name(tool.name, join(place, "name"))
            names.add(tool.name)
        if isinstance(tool, FunctionTool):
            # strict is the default of Responses, which then closes the schema itself where it can
            check_function(Function(name=tool.name, parameters=tool.parameters, strict=tool.strict), place)
    choice = request.tool_choice
    needs_tools = choice == "required" or isinstance(choice, dict)
    need(request.tools or not needs_tools, "tool_choice", "Tool choice 'required' must be specified with 'tools' parameter.")
    if isinstance(choice, dict) and "type" not in choice:
        raise Refused("missing", "tool_choice.type", "field required")
    if isinstance(choice, dict) and choice["type"] in ("function", "custom"):
        name = fit({"name": choice.get("name")}, Named, "tool_choice").name
        need(name in names, "tool_choice", f"Tool choice '{name}' not found in 'tools' parameter.")
