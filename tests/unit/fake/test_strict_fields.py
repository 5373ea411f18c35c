"""The forms of the strict checks against the vendors' own: fields of the SDKs' request types and of AWS's service model."""

from typing import Any, NotRequired, Required, get_args, get_origin

import botocore.session
import msgspec
import openai.types as openai_types
import pytest
from anthropic import types as claude
from openai.types import chat, responses
from typing_extensions import get_type_hints

from ostiary_gateway.fake.strict import chat as strict_chat
from ostiary_gateway.fake.strict import completions, converse, embeddings, messages
from ostiary_gateway.fake.strict import responses as strict_responses

Form = type[msgspec.Struct]
OLD = {"temperature", "top_k", "top_p"}  # older models take them; the SDK has dropped them
SDK = [
    (messages.Request, claude.message_create_params.MessageCreateParamsStreaming, OLD),
    (messages.Counted, claude.MessageCountTokensParams, {"speed"}),
    (messages.Message, claude.UserMessageParam, set()),
    (messages.Text, claude.TextBlockParam, set()),
    (messages.Image, claude.ImageBlockParam, set()),
    (messages.Document, claude.DocumentBlockParam, set()),
    (messages.SearchResult, claude.SearchResultBlockParam, set()),
    (messages.Thinking, claude.ThinkingBlockParam, set()),
    (messages.RedactedThinking, claude.RedactedThinkingBlockParam, set()),
    (messages.ToolUse, claude.ToolUseBlockParam, set()),
    (messages.ToolResult, claude.ToolResultBlockParam, set()),
    (messages.Tool, claude.ToolParam, set()),
    (messages.ToolChoice, claude.ToolChoiceToolParam, set()),
    (messages.ThinkingConfig, claude.ThinkingConfigEnabledParam, set()),
    (messages.OutputConfig, claude.OutputConfigParam, set()),
    (messages.JsonFormat, claude.JSONOutputFormatParam, set()),
    (messages.Metadata, claude.MetadataParam, set()),
    (messages.Cache, claude.CacheControlEphemeralParam, set()),
    (strict_chat.Request, chat.completion_create_params.CompletionCreateParamsStreaming, set()),
    (strict_chat.SystemMessage, chat.ChatCompletionSystemMessageParam, set()),
    (strict_chat.UserMessage, chat.ChatCompletionUserMessageParam, set()),
    (strict_chat.AssistantMessage, chat.ChatCompletionAssistantMessageParam, {"reasoning_content", "annotations"}),
    (strict_chat.ToolMessage, chat.ChatCompletionToolMessageParam, set()),
    (strict_chat.TextPart, chat.ChatCompletionContentPartTextParam, set()),
    (strict_chat.ImagePart, chat.ChatCompletionContentPartImageParam, set()),
    (strict_chat.AudioPart, chat.ChatCompletionContentPartInputAudioParam, set()),
    (strict_chat.FunctionTool, chat.ChatCompletionFunctionToolParam, set()),
    (strict_chat.Function, openai_types.shared_params.FunctionDefinition, set()),
    (strict_chat.JsonSchema, openai_types.shared_params.response_format_json_schema.JSONSchema, set()),
    (strict_chat.StreamOptions, chat.ChatCompletionStreamOptionsParam, set()),
    (completions.Request, openai_types.completion_create_params.CompletionCreateParamsStreaming, set()),
    (embeddings.Request, openai_types.EmbeddingCreateParams, set()),
    (strict_responses.Request, responses.response_create_params.ResponseCreateParamsStreaming, set()),
    (strict_responses.Message, responses.ResponseOutputMessageParam, set()),
    (strict_responses.FunctionCall, responses.ResponseFunctionToolCallParam, set()),
    (strict_responses.FunctionCallOutput, responses.response_input_param.FunctionCallOutput, set()),
    (strict_responses.CustomCall, responses.ResponseCustomToolCallParam, {"status"}),
    (strict_responses.CustomCallOutput, responses.ResponseCustomToolCallOutputParam, set()),
    (strict_responses.ReasoningItem, responses.ResponseReasoningItemParam, set()),
    (strict_responses.InputText, responses.ResponseInputTextParam, set()),
    (strict_responses.InputImage, responses.ResponseInputImageParam, set()),
    (strict_responses.InputFile, responses.ResponseInputFileParam, set()),
    (strict_responses.FunctionTool, responses.FunctionToolParam, set()),
    (strict_responses.CustomTool, responses.CustomToolParam, set()),
    (strict_responses.Reasoning, openai_types.shared_params.Reasoning, set()),
    (strict_responses.Text, responses.ResponseTextConfigParam, set()),
]  # fmt: skip
AWS = {
    "ConverseRequest": converse.Request, "Message": converse.Message, "ContentBlock": converse.Block,
    "ImageBlock": converse.Image, "ImageSource": converse.Source, "DocumentBlock": converse.Document,
    "DocumentSource": converse.DocumentSource, "ToolUseBlock": converse.ToolUse, "ToolResultBlock": converse.ToolResult,
    "ToolResultContentBlock": converse.ResultBlock, "CachePointBlock": converse.CachePoint,
    "ReasoningContentBlock": converse.Reasoning, "ReasoningTextBlock": converse.ReasoningText,
    "SystemContentBlock": converse.SystemBlock, "InferenceConfiguration": converse.Inference,
    "ToolConfiguration": converse.ToolConfig, "Tool": converse.Tool, "ToolSpecification": converse.ToolSpec,
    "ToolChoice": converse.ToolChoice, "OutputConfig": converse.OutputConfig, "OutputFormat": converse.TextFormat,
    "JsonSchemaDefinition": converse.JsonSchema, "ServiceTier": converse.ServiceTier,
    "PerformanceConfiguration": converse.Performance,
}  # fmt: skip
SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
PASSED_OVER = {"error"}  # of an image block: only in answers


def fields(form: Form) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(form)}


def literals(kind: Any) -> set[str]:
    """The words that a type allows; none if any string will do."""
    if get_origin(kind) in (Required, NotRequired):
        return literals(get_args(kind)[0])
    if str(get_origin(kind)) == "typing.Literal":
        return {word for word in get_args(kind) if isinstance(word, str)}
    inner = [literals(part) for part in get_args(kind) if part is not type(None)]
    return inner[0] if len(inner) == 1 and "list" not in str(get_origin(kind)) else set()


@pytest.mark.parametrize(("form", "theirs", "more"), SDK, ids=lambda value: getattr(value, "__name__", ""))
def test_a_form_has_the_fields_of_the_sdk(form: Form, theirs: Any, more: set[str]) -> None:
    hints = get_type_hints(theirs, include_extras=True)
    assert set(fields(form)) == set(hints) | more
    for name, field in fields(form).items():
        said = literals(hints.get(name))
        assert said <= (literals(field.type) or said), name


@pytest.mark.parametrize("name", AWS)
def test_a_form_has_the_fields_of_the_service_model(name: str) -> None:
    shape = SERVICE.shape_for(name)
    ours = fields(AWS[name])
    assert set(ours) == set(shape.members) - {"modelId"} - PASSED_OVER
    assert {key for key, field in ours.items() if field.required} == set(shape.required_members) - {"modelId"}
    for key, field in ours.items():
        allowed = set(getattr(shape.members[key], "enum", ()))
        assert literals(field.type) in (set(), allowed), key
