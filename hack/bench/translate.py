"""What translating costs: the same call in the provider's own dialect and in another, a stream's events, a stream's memory.

`python -m hack.bench translate` measures only this. The bounds are those of the issue: 0.3 ms at the median for 1 KB, 150 us
for an event, 1.5 MB for a stream of any length.
"""

import asyncio
import json
import statistics
from dataclasses import dataclass
from pathlib import Path

from hack.bench.load import MANAGED, Burst, Run, body, burst, script, wrk
from hack.bench.processes import Target

ROUNDS, SECONDS = 5, 2.0
STREAMS, EVENTS, PACE_MS = 20, 4000, 5
MESSAGES, RESPONSES = "/v1/messages", "/v1/responses"
HEADINGS = "| client -> provider | CPU us | added | p50/p99 ms, one at a time | added p50 |\n|---|---|---|---|---|"
_TEXT = "Hello! " * 90
_USAGE = {"input_tokens": 11, "output_tokens": 180}
_ANSWERS = {
    "/v1/messages": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "model", "content": [{"type": "text", "text": _TEXT}],
        "stop_reason": "end_turn", "stop_sequence": None, "usage": _USAGE,
    },
    "/v1beta/": {
        "candidates": [{"content": {"parts": [{"text": _TEXT}], "role": "model"}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 180, "totalTokenCount": 191}, "modelVersion": "model",
    },
    "/model/": {
        "output": {"message": {"role": "assistant", "content": [{"text": _TEXT}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 11, "outputTokens": 180, "totalTokens": 191}, "metrics": {"latencyMs": 1},
    },
}  # fmt: skip
LOCATIONS = "".join(f" location {path} {{ return 200 '{json.dumps(answer)}'; }}" for path, answer in _ANSWERS.items())
"""What the provider of the main table answers besides: each dialect at its own path."""


def _provider(name: str, kind: str, port: str, more: str = "") -> str:
    credential = "{kind: AWS, secretRef: {name: bench}}" if kind == "bedrock" else "{secretRef: {name: bench, key: credential}}"
    head = f"apiVersion: ostiary.dev/v1alpha1\nkind: Provider\nmetadata: {{name: {name}}}\n"
    return f'{head}spec: {{type: {kind}, baseURL: "http://127.0.0.1:{port}", credential: {credential}{more}}}\n---\n'


_KINDS = (("claude", "anthropic", ""), ("gemini", "google", ""), ("aws", "bedrock", ", bedrock: {region: eu-central-1}"))
MANIFESTS = "".join(
    _provider(prefix + name, kind, port, more)
    for prefix, port in (("", "@PROVIDER@"), ("fake-", "@FAKE@"))
    for name, kind, more in _KINDS
)
"""The names of the main table's Providers, and these; the Secret `bench` has AWS's fields, too."""
AWS_FIELDS = ", AWS_ACCESS_KEY_ID: AKIABENCH, AWS_SECRET_ACCESS_KEY: secret-of-AKIABENCH"


@dataclass(frozen=True)
class Case:
    """A client's path and the Provider that it asks; `beside` is the case in the client's own dialect."""

    name: str
    path: str
    provider: str
    beside: str = ""


CASES = (
    Case("chat -> chat", MANAGED, "bench"),
    Case("chat -> messages", MANAGED, "claude", "chat -> chat"),
    Case("chat -> generate", MANAGED, "gemini", "chat -> chat"),
    Case("chat -> converse, signed", MANAGED, "aws", "chat -> chat"),
    Case("messages -> messages", MESSAGES, "claude"),
    Case("messages -> chat", MESSAGES, "bench", "messages -> messages"),
    Case("responses -> responses", RESPONSES, "bench"),
    Case("responses -> messages", RESPONSES, "claude", "responses -> responses"),
)
STREAMED = (
    Case("chat -> chat", MANAGED, "fake"),
    Case("chat -> messages", MANAGED, "fake-claude", "chat -> chat"),
    Case("chat -> generate", MANAGED, "fake-gemini", "chat -> chat"),
    Case("chat -> converse, signed", MANAGED, "fake-aws", "chat -> chat"),
    Case("messages -> messages", MESSAGES, "fake-claude"),
    Case("messages -> chat", MESSAGES, "fake", "messages -> messages"),
)


def measure(folder: Path, gateway: Target) -> dict[str, object]:
    """Cases take turns, so that a noisy neighbour disturbs all of them alike."""
    print(f"\n{HEADINGS}", flush=True)
    return {"rows": calls(folder, gateway), "streams": streams(gateway)}


def calls(folder: Path, gateway: Target) -> list[dict[str, object]]:
    runs: dict[str, list[Run]] = {case.name: [] for case in CASES}
    scripts = {case.name: script(folder, f"translate-{number}", _payload(case)) for number, case in enumerate(CASES)}
    for _ in range(ROUNDS):
        for case in CASES:
            runs[case.name].append(wrk(gateway, scripts[case.name], connections=1, seconds=SECONDS, path=case.path))
    rows: dict[str, dict[str, object]] = {}
    for case in CASES:
        rows[case.name] = _row(case, runs[case.name], rows)
    return list(rows.values())


def _row(case: Case, runs: list[Run], rows: dict[str, dict[str, object]]) -> dict[str, object]:
    if errors := sum(run.errors for run in runs):
        raise RuntimeError(f"{case.name}: {errors} answers were not 2xx")
    row: dict[str, object] = {"case": case.name}
    row |= {field: statistics.median(getattr(run, field) for run in runs) for field in ("cpu_us", "p50_ms", "p99_ms")}
    own = rows.get(case.beside)
    if own:
        row |= {"added_cpu_us": row["cpu_us"] - own["cpu_us"], "added_p50_ms": row["p50_ms"] - own["p50_ms"]}
    added = (f"{row['added_cpu_us']:+.0f}", f"{row['added_p50_ms']:+.3f}") if own else ("", "")
    print(
        f"| {case.name} | {row['cpu_us']:.0f} | {added[0]} | {row['p50_ms']:.3f} / {row['p99_ms']:.2f} | {added[1]} |", flush=True
    )
    return {**row, "runs": [run.asdict() for run in runs]}


def _payload(case: Case) -> str:
    if case.path == RESPONSES:
        text = json.loads(body(1000))["messages"][0]["content"]
        return json.dumps({"model": f"{case.provider}/model", "input": text, "max_output_tokens": 256})
    return json.dumps({**json.loads(body(1000)), "model": f"{case.provider}/model"})


def streams(gateway: Target) -> list[dict[str, object]]:
    """Twenty at once, each of 4,000 events and slow enough that nobody waits; the first round warms memory up."""
    print("\n| stream | CPU us an event | added | KiB a stream |\n|---|---|---|---|", flush=True)
    asyncio.run(_burst(gateway, STREAMED[0], events=200))
    rows: dict[str, dict[str, object]] = {}
    for case in STREAMED:
        asyncio.run(_burst(gateway, case, events=20))
        found = asyncio.run(_burst(gateway, case, events=EVENTS))
        if found.complete != STREAMS:
            raise RuntimeError(f"{case.name}: {found.complete} of {STREAMS} streams were whole")
        own = rows.get(case.beside)
        row: dict[str, object] = {"case": case.name, "cpu_us": found.cpu_us_per_event, "kib": found.kib_per_stream}
        if own:
            row["added_cpu_us"] = row["cpu_us"] - own["cpu_us"]
        added = f"{row['added_cpu_us']:+.0f}" if own else ""
        print(f"| {case.name} | {row['cpu_us']:.0f} | {added} | {row['kib']:.0f} |", flush=True)
        rows[case.name] = row
    return list(rows.values())


async def _burst(gateway: Target, case: Case, *, events: int) -> Burst:
    last = b"message_stop" if case.path == MESSAGES else b"data: [DONE]"
    model = f"{case.provider}/slow-{PACE_MS}x{events}"
    return await burst(gateway, STREAMS, events, model=model, path=case.path, last=last)
