"""The matrix: which clients there are, which providers, what is asked of each pair, and one run of it all.

A process for each library carries out its cells (`tests/clients/python`, `tests/sdk/matrix`) and tells what came of them.
"""

import base64
import hashlib
import json
import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.clients.providers import EMBEDDERS, FAULTS, NATIVE, PROVIDERS, models
from tests.support.manifests import Manifest, api_key
from tests.support.process import REPOSITORY

CASES = ("plain", "stream", "tools", "stream+tools", "image", "schema", "error", "abort")
PROGRAMS: Mapping[str, tuple[str, ...]] = {  # the program of a library -> its clients
    "tests/clients/python/openai_sdk.py": ("openai-python chat", "openai-python responses"),
    "tests/clients/python/anthropic_sdk.py": ("anthropic-python",),
    "tests/clients/python/google_sdk.py": ("google-genai",),
    "tests/clients/python/langchain.py": ("langchain-openai", "langchain-anthropic"),
    "tests/clients/python/litellm_sdk.py": ("litellm",),
    "tests/clients/python/pydantic_sdk.py": ("pydantic-ai openai", "pydantic-ai anthropic"),
    "tests/sdk/matrix/openai.js": ("openai-node chat", "openai-node responses"),
    "tests/sdk/matrix/anthropic.js": ("anthropic-node",),
    "tests/sdk/matrix/vercel.js": ("ai-sdk openai", "ai-sdk anthropic", "ai-sdk google"),
}
STATUSES = (401, 403, 404, 413, 500, 503, 529)
"""Errors of the provider that are cases of their own (`error-<status>`), for the clients that have a class for each."""
OTHERS = ("models", "embeddings", "count_tokens")
"""Calls that only some official packages are asked for: lists of models, embeddings, sizes of prompts."""
OFFICIAL = (
    "openai-python chat", "openai-python responses", "openai-node chat", "openai-node responses",
    "anthropic-python", "anthropic-node", "google-genai",
)  # fmt: skip
CLIENTS = tuple(client for clients in PROGRAMS.values() for client in clients)
EVERY_CASE = (*CASES, "fault", *OTHERS, *(f"error-{status}" for status in STATUSES))
TEXT = "Grüße aus Zürich, 東京 und anderswo 🙂 bis bald."
RESULT = "17 °C and light rain"
_SECONDS = 350
_AT_ONCE = 2


@dataclass(frozen=True)
class Cell:
    client: str
    provider: str
    case: str

    def __str__(self) -> str:
        return f"{self.client} / {self.provider} / {self.case}"


def cells() -> Iterator[Cell]:
    for client in CLIENTS:
        for provider in PROVIDERS:
            for case in CASES:
                yield Cell(client, provider, case)


def faults() -> Iterator[Cell]:
    """What only the official packages are asked: what each status becomes, and an error in the middle of a stream."""
    for client in OFFICIAL:
        for provider in PROVIDERS:
            yield Cell(client, provider, "fault")
            for status in STATUSES:
                if str(status) in models(provider):
                    yield Cell(client, provider, f"error-{status}")


def others() -> Iterator[Cell]:
    own = {"openai-python chat": "embeddings", "openai-node chat": "embeddings", "anthropic-python": "count_tokens"}
    for client, case in {**own, "anthropic-node": "count_tokens"}.items():
        for provider in PROVIDERS:
            yield Cell(client, provider, "models")
            yield Cell(client, provider, case)


def key_of(client: str) -> str:
    return f"sk-matrix-{client.replace(' ', '-')}"


def keys() -> list[Manifest]:
    """One for each client, so that the ledger tells them apart."""
    return [api_key(client.replace(" ", "-"), key_of(client)) for client in CLIENTS]


def run(
    base_url: str, cases: Sequence[str] = EVERY_CASE, providers: Iterable[str] = PROVIDERS, programs: Iterable[str] = PROGRAMS
) -> dict[Cell, str]:
    """What went wrong in each cell, which is nothing if all is well.

    Raises:
        AssertionError: a program ended before all of its cells were told.
    """
    order = json.dumps(_order(base_url, cases, list(providers)))
    told: dict[Cell, str] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for result in pool.map(lambda program: _carry_out(program, order), programs):
            told |= result
    return told


def _carry_out(program: str, order: str) -> dict[Cell, str]:
    python = REPOSITORY / ".venv-clients/bin/python"
    runtime = str(python) if program.endswith(".py") else shutil.which("node")
    assert os.access(runtime or "", os.X_OK), f"{runtime}: run make tools"
    environ = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}  # no one's keys or proxies
    command = [str(runtime), str(REPOSITORY / program)]
    ran = subprocess.run(command, input=order, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environ)
    assert ran.returncode == 0, f"{program}:\n{ran.stderr[-4000:]}"
    lines = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    return {Cell(line["client"], line["provider"], line["case"]): line["problem"] for line in lines}


def _order(base_url: str, cases: Sequence[str], providers: Sequence[str]) -> dict[str, object]:
    image = _png()
    tools = [_tool("get_weather", "Weather of a city", city=["Zürich", "東京"], unit=["celsius", "fahrenheit"])]
    tools.append(_tool("find_train", "Next train", start=["Bern", "Genève"], end=["Łódź"]))
    return {
        "base_url": base_url,
        "keys": {client: key_of(client) for client in CLIENTS},
        "targets": [_target(provider) for provider in providers],
        "cases": list(cases),
        "text": TEXT,
        "image": base64.b64encode(image).decode(),
        "seen": ["image/png", hashlib.sha256(image).hexdigest()[:16]],
        "tools": tools,
        "arguments": {"get_weather": {"city": "Zürich", "unit": "celsius"}, "find_train": {"start": "Bern", "end": "Łódź"}},
        "result": RESULT,
    }


def _target(provider: str) -> dict[str, object]:
    named = {**models(provider), "fault said": FAULTS[provider]}
    return {"provider": provider, "models": named, "embeds": provider in EMBEDDERS, "counts": provider in NATIVE["messages"]}


def _tool(name: str, description: str, **choices: list[str]) -> dict[str, object]:
    """The fake provider calls it with the first of each choice."""
    properties = {field: {"type": "string", "enum": values} for field, values in choices.items()}
    parameters = {"type": "object", "properties": properties, "required": list(choices), "additionalProperties": False}
    return {"name": name, "description": description, "parameters": parameters}


def _png() -> bytes:
    """A picture of 4 x 4 red points."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * 4) * 4
    head = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
