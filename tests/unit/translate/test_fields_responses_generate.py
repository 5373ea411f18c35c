"""Every field of Responses and of generateContent that the SDKs let a client write: said, refused, or dropped; never silent.

Two tables more of those that test_fields.py makes, written anew with UPDATE=1 in the environment.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openai.types.responses import response_create_params
from tests.support.sdk_fields import Prober, sample

from ostiary_gateway.contract.dialect import TRANSLATIONS

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests/golden/translate"
FUNCTION = {"type": "function", "name": "x", "parameters": {"type": "object"}, "strict": False}
BASE: dict[str, Any] = {"input": "x", "tools": [FUNCTION]}
OPAQUE = (
    r"Computer|FileSearch|WebSearch|ImageGeneration|CodeInterpreter|Shell|ApplyPatch|Mcp|ToolSearch|Program|Compaction"
    r"|ConfigurationUpdate|PromptParam|Moderation|ContextManagement"
)
"""What is OpenAI's own: refused, or dropped, as a whole."""

SILENT = {
    "responses": {
        r"\.input<list>|.*<Iterable>|.*<user>(\.type|\.content<list>)?": "one thing in another form, all the same",
        r"\.input<list>\[\]<\w+>\.(id|status)(=\w+)?": "what an item was called, and how far it was, when it was made",
        r"\.(parallel_tool_calls|service_tier|service_tier=default|reasoning|reasoning\.effort|text|text\.format)": "the default",
        r"\.text\.format<json_schema>\.(name|strict)": "a label; who takes a schema holds to it",
        r"\.reasoning\.(generate_)?summary": "what was thought is shown if the provider tells it",
        r"\.tool_choice<allowed_tools>(\.mode=required|\.tools)?": "no tools at all are left",
        r".*\.tools\[\]<custom>\.format": "the default is text",
    },
    "generate": {
        r".*\.fileData\.mimeType": "whoever fetches it is told by its server",
        r".*\.role": "the default is the user",
        r"\.(toolConfig(\.functionCallingConfig)?|generationConfig(\.thinkingConfig)?)": "with nothing in it",
        r"\.(serviceTier|generationConfig\.candidateCount)": "the default",
        r"\.generationConfig\.thinkingConfig\.includeThoughts": "what was thought is shown if the provider tells it",
        r"\.generationConfig\.thinkingConfig\.thinkingLevel=LOW": "minimal and low are one where there is no less than low",
    },
}
"""Paths, as patterns, of what needs no word, and why."""


def _responses() -> dict[str, Any]:
    form = response_create_params.ResponseCreateParamsStreaming
    probes = [probe for probe in Prober(OPAQUE).request(form, BASE) if not probe.path.startswith((".model", ".stream"))]
    return {"least": {**sample(form, ""), **BASE}, "probes": probes}


def _generate() -> dict[str, Any]:
    """Made by tests/support/google_fields.py in the environment that has Google's SDK."""
    probes: dict[str, Any] = json.loads((GOLDEN / "google_probes.json").read_text())
    return probes


@pytest.mark.parametrize(("client", "least"), [("responses", 300), ("generate", 300)])
def test_pl_24_no_field_of_a_request_is_dropped_in_silence(client: str, least: int) -> None:
    order = {"client": client, "providers": TRANSLATIONS[client], **(_responses() if client == "responses" else _generate())}
    node = subprocess.run(
        ["node", "tests/njs/probe_fields.js"], input=json.dumps(order), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert node.returncode == 0, node.stderr
    found = {path: _short(outcomes) for path, outcomes in json.loads(node.stdout).items()}
    assert len(found) >= least
    table = GOLDEN / f"fields/{client}.json"
    if os.environ.get("UPDATE"):
        lines = ",\n".join(f" {json.dumps(path)}: {json.dumps(outcome)}" for path, outcome in found.items())
        table.write_text(f"{{\n{lines}\n}}\n")
    assert found == json.loads(table.read_text())
    silent = [path for path, outcome in found.items() if "silent" in json.dumps(outcome)]
    assert [path for path in silent if not any(re.fullmatch(pattern, path) for pattern in SILENT[client])] == []


def _short(outcomes: dict[str, str]) -> str | dict[str, str]:
    first = next(iter(outcomes.values()))
    return first if all(outcome == first for outcome in outcomes.values()) else outcomes
