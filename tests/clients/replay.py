"""Recorded shapes of what Claude Code and Codex send, sent as they stand, and what an agent makes of the answer.

A file of `shapes/` is `{about, path, headers, body}` and what to expect: `calls` (the first tool that is called), `quotes` (what
the answer repeats of the tools' results), `parses` (fields of the JSON that is the answer), `counts`, or `refused`
(the field for which it is refused wherever it is not native).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydantic
from anthropic.types import RawMessageStreamEvent
from openai.types.responses import ResponseStreamEvent
from tests.support import client

FOLDER = Path(__file__).parent / "shapes"
_MESSAGES: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(RawMessageStreamEvent)
_RESPONSES: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseStreamEvent)


@dataclass(frozen=True)
class Shape:
    name: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    calls: str = ""
    quotes: Sequence[str] = ()
    parses: Sequence[str] = ()
    counts: bool = False
    refused: str = ""

    @property
    def dialect(self) -> str:
        return "responses" if self.path.endswith("/responses") else "messages"

    def text(self, model: str) -> bytes:
        """The body as such a client writes it, in its order of fields."""
        return json.dumps({**self.body, "model": model}, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass
class Heard:
    """What an agent understands of a stream."""

    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)


def load(name: str) -> Shape:
    said = json.loads((FOLDER / f"{name}.json").read_text())
    said.pop("about")
    body = said["body"]
    if isinstance(body.get("tools"), str):
        body["tools"] = json.loads((FOLDER / body["tools"]).read_text())
    return Shape(name=name, **said)


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("c*.json") if path.stem != "claude-code-tools")


def send(base_url: str, key: str, shape: Shape, model: str, request_id: str) -> client.Reply:
    headers = {**shape.headers, "x-request-id": request_id}
    return client.call(base_url, shape.path, shape.text(model), key=key, headers=headers)


def hear(shape: Shape, reply: client.Reply) -> Heard:
    """Read a stream as the client's library would, and fail where that would."""
    assert reply.headers["content-type"].startswith("text/event-stream"), reply.headers
    events = _events(reply.text)
    assert all(name == data["type"] for name, data in events), [name for name, _ in events]
    return _hear_messages(events) if shape.dialect == "messages" else _hear_responses(events)


def _events(text: str) -> list[tuple[str, dict[str, Any]]]:
    events = []
    for block in text.replace("\r\n", "\n").strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if lines:
            events.append((lines["event"], json.loads(lines["data"])))
    return events


def _hear_messages(events: Sequence[tuple[str, dict[str, Any]]]) -> Heard:
    """Blocks come one after another, numbered from 0; `message_stop` is the last word."""
    heard, blocks, opened, stop = Heard(), 0, "", None
    said = [data for name, data in events if name != "ping"]
    assert (said[0]["type"], said[-1]["type"]) == ("message_start", "message_stop"), (said[0], said[-1])
    for data in said:
        _MESSAGES.validate_python(data)
        match data["type"]:
            case "content_block_start":
                assert (opened, data["index"]) == ("", blocks), data
                opened, pieces = data["content_block"]["type"], ""
                named = data["content_block"].get("name", "")
            case "content_block_delta":
                assert data["index"] == blocks, data
                pieces += data["delta"].get("text") or data["delta"].get("partial_json") or ""
            case "content_block_stop":
                assert data["index"] == blocks, data
                _close(heard, opened, named, pieces)
                opened, blocks = "", blocks + 1
            case "message_delta":
                stop = data["delta"]["stop_reason"] or stop
                assert data["usage"]["output_tokens"] >= 0, data
    assert (stop, opened) == ("tool_use" if heard.calls else "end_turn", ""), (stop, opened)
    return heard


def _close(heard: Heard, kind: str, named: str, pieces: str) -> None:
    if kind == "text":
        heard.text += pieces
    elif kind == "tool_use":
        heard.calls.append((named, json.loads(pieces)))


def _hear_responses(events: Sequence[tuple[str, dict[str, Any]]]) -> Heard:
    """Every item that is done is in the last event's response, in the same order."""
    heard, done = Heard(), []
    said = [data for _, data in events]
    assert [data["sequence_number"] for data in said] == list(range(len(said))), [data["sequence_number"] for data in said]
    assert (said[0]["type"], said[-1]["type"]) == ("response.created", "response.completed"), (said[0], said[-1])
    for data in said:
        _RESPONSES.validate_python(data)
        if data["type"] == "response.output_text.delta":
            heard.text += data["delta"]
        elif data["type"] == "response.output_item.done":
            done.append(data["item"])
    last = said[-1]["response"]
    assert (last["status"], last["output"]) == ("completed", done), last
    assert last["usage"]["total_tokens"] == last["usage"]["input_tokens"] + last["usage"]["output_tokens"], last["usage"]
    heard.calls = [_called(item) for item in done if item["type"] in ("function_call", "custom_tool_call")]
    return heard


def _called(item: dict[str, Any]) -> tuple[str, Any]:
    return item["name"], json.loads(item["arguments"]) if item["type"] == "function_call" else item["input"]
