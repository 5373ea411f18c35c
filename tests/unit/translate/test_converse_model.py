"""Converse as botocore's model of it has it: what is sent is valid, and nothing that it may answer has been overlooked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from ostiary_gateway.contract.dialect import TRANSLATIONS

FOLDER = Path(__file__).parents[2] / "golden/translate"
CLIENTS = [client for client, providers in TRANSLATIONS.items() if "converse" in providers]
SOURCES = Path(__file__).parents[3] / "gateway/nginx/njs/translate/converse"

READ = {
    "ContentBlock": {"text", "toolUse", "reasoningContent", "citationsContent"},
    "ContentBlockStart": {"toolUse"},
    "ContentBlockDelta": {"text", "toolUse", "reasoningContent"},
    "ReasoningContentBlock": {"reasoningText", "redactedContent"},
    "ReasoningContentBlockDelta": {"text", "signature", "redactedContent"},
    "TokenUsage": {"inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"},
    "ConverseResponse": {"output", "stopReason", "usage", "additionalModelResponseFields", "serviceTier"},
    "ConverseStreamOutput": {
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    },
}
OTHERS = {
    "ContentBlock": "what only a user says, or a server's own tools and pictures, which no client can ask for here: "
    "image document video audio toolResult guardContent cachePoint searchResult toolAddition toolRemoval",
    "ContentBlockStart": "the same: toolResult image",
    "ContentBlockDelta": "the same, and citations beside their text: toolResult image citation",
    "ReasoningContentBlock": "",
    "ReasoningContentBlockDelta": "",
    "TokenUsage": "told by the others, or kept in the raw counts: totalTokens cacheDetails",
    "ConverseResponse": "about the call, not the answer: metrics trace performanceConfig",
    "ConverseStreamOutput": "exceptions, by their kind: internalServerException modelStreamErrorException validationException"
    " throttlingException serviceUnavailableException",
}
"""What is not read, after the reason for it."""
PLAIN_STOPS = {"malformed_model_output", "malformed_tool_use"}
"""Ends that no dialect has a word for."""


def _model() -> Any:
    return botocore.session.get_session().get_service_model("bedrock-runtime")


def _sent() -> Iterator[tuple[str, dict[str, Any]]]:
    for client in CLIENTS:
        for path in sorted((FOLDER / f"{client}-to-converse").glob("*.json")):
            case = json.loads(path.read_text())
            if "sent" in case:
                yield f"{client}/{path.stem}", case["sent"]


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_pl_24_botocore_accepts_what_is_sent(operation: str) -> None:
    shape = _model().operation_model(operation).input_shape
    names = []
    for name, body in _sent():
        report = ParamValidator().validate({**body, "modelId": "m"}, shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"
        names.append(name)
    assert len(names) > 100


@pytest.mark.parametrize("name", sorted(READ))
def test_pl_24_every_member_of_an_answer_is_read_or_known(name: str) -> None:
    told = READ[name] | set(OTHERS[name].rpartition(":")[2].split())
    assert set(_model().shape_for(name).members) == told
    source = "".join(path.read_text() for path in sorted(SOURCES.glob("*.js")))
    assert [member for member in sorted(READ[name]) if member not in source] == []


def test_pl_24_every_end_of_an_answer_is_known() -> None:
    source = (SOURCES / "answer_reader.js").read_text()
    assert {stop for stop in _model().shape_for("StopReason").enum if f"{stop}:" not in source} == PLAIN_STOPS


def test_pl_24_every_exception_of_a_stream_has_its_status() -> None:
    source = (SOURCES / "errors.js").read_text()
    output = _model().shape_for("ConverseStreamOutput").members
    exceptions = [name for name, shape in output.items() if shape.metadata.get("exception")]
    assert len(exceptions) >= 5
    assert [name for name in exceptions if f"{name.lower()}:" not in source] == []
