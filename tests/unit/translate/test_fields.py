"""Every field that the SDKs' types let a client write: said to the provider, refused, or listed as dropped; never silent.

tests/golden/translate/fields/<client>.json is the table of it, one line a field, written anew by
`UPDATE=1 pytest tests/unit/translate/test_fields.py`. A field that an SDK gains is a difference here.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import message_create_params
from openai.types import completion_create_params, embedding_create_params
from openai.types.chat import completion_create_params as chat_params
from tests.support.sdk_fields import Prober, sample

from ostiary_gateway.contract.dialect import TRANSLATIONS

ROOT = Path(__file__).parents[3]
TABLES = ROOT / "tests/golden/translate/fields"
OPAQUE = (
    r"Tool\w*Result(?!BlockParam$)|ToolResultBlockParam(?<!^ToolResultBlockParam)|ServerTool|Toolset|Browser|Computer|Web(Search|Fetch)"
    r"|CodeExecution|ToolSearch|TextEditor|Bash|Memory|ContainerUpload"
)
"""Tools of the vendor's own: refused as a whole."""

CHAT_TOOL = {"type": "function", "function": {"name": "x", "parameters": {"type": "object"}}}
REQUESTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "chat": (chat_params.CompletionCreateParamsStreaming, {"tools": [CHAT_TOOL]}),
    "completions": (completion_create_params.CompletionCreateParamsStreaming, {}),
    "embeddings": (embedding_create_params.EmbeddingCreateParams, {}),
    "messages": (
        message_create_params.MessageCreateParamsStreaming,
        {"tools": [{"name": "x", "input_schema": {"type": "object"}}]},
    ),
}
SILENT = {
    r".*<(Iterable|Sequence|dict)>": "one thing alone or in a list, all the same",
    r".*\.(detail|modalities|n|best_of|parallel_tool_calls|response_format)": "the default",
    r".*\.(service_tier|speed|allowed_callers|display)": "the default",
    r"\.tools\[\](<custom>)?\.type|.*\.caller": "the default",
    r"\.messages\[\](<system>|.*<refusal>)": "what a developer says is what a system says; what was refused is said as text",
    r"\.(metadata|output_config)|.*<(document|search_result)>\.citations": "with nothing in it",
    r".*cache_control\.ttl": "5m is the default",
    r"\.encoding_format(=base64)?": "a matter of the answer",
}
"""Paths, as patterns, of what needs no word, and why."""


@pytest.mark.parametrize("client", sorted(REQUESTS))
def test_pl_24_no_field_of_a_request_is_dropped_in_silence(client: str) -> None:
    form, base = REQUESTS[client]
    probes = [probe for probe in Prober(OPAQUE).request(form, base) if not probe.path.startswith((".model", ".stream"))]
    least = {**sample(form, ""), **base}
    order = {"client": client, "providers": TRANSLATIONS[client], "least": least, "probes": probes}
    node = subprocess.run(
        ["node", "tests/njs/probe_fields.js"], input=json.dumps(order), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert node.returncode == 0, node.stderr
    found = {path: _short(outcomes) for path, outcomes in json.loads(node.stdout).items()}
    table = TABLES / f"{client}.json"
    if os.environ.get("UPDATE"):
        TABLES.mkdir(exist_ok=True)
        lines = ",\n".join(f" {json.dumps(path)}: {json.dumps(outcome)}" for path, outcome in found.items())
        table.write_text(f"{{\n{lines}\n}}\n")
    assert found == json.loads(table.read_text())
    silent = [path for path, outcome in found.items() if "silent" in json.dumps(outcome)]
    assert [path for path in silent if not any(re.fullmatch(pattern, path) for pattern in SILENT)] == []


def _short(outcomes: dict[str, str]) -> str | dict[str, str]:
    first = next(iter(outcomes.values()))
    return first if all(outcome == first for outcome in outcomes.values()) else outcomes
