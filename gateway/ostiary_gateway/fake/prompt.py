"""What is asked of the fake provider, and what it will say, before any dialect has its way with it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import msgspec

from ostiary_gateway.fake.script import Script, parse
from ostiary_gateway.fake.wire import Request

INPUT_TOKENS = 11
CACHE_READ_TOKENS = 4
CACHE_WRITE_TOKENS = 2
REASONING_TOKENS = 3
GREETING = "Hello from the fake provider."
_PIECE = 1024
_KIB = 1024


class Body(msgspec.Struct):
    """The fields of any dialect that matter here."""

    model: str = ""
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None
    max_tokens: int | None = None
    messages: msgspec.Raw = msgspec.Raw()
    input: msgspec.Raw = msgspec.Raw()
    prompt: msgspec.Raw = msgspec.Raw()
    contents: msgspec.Raw = msgspec.Raw()

    def said(self) -> msgspec.Raw:
        return next((raw for raw in (self.messages, self.input, self.prompt, self.contents) if bytes(raw)), msgspec.Raw())


@dataclass(frozen=True, slots=True)
class Prompt:
    """`pieces` are the answer's text as it will be streamed."""

    model: str
    script: Script
    pieces: tuple[str, ...]
    stream: bool
    include_usage: bool

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def output_tokens(self) -> int:
        return len(self.pieces)


def build_prompt(request: Request, body: Body, *, model: str = "", stream: bool | None = None) -> Prompt:
    """Read the script and settle the answer; `model` and `stream` are given where the path says them."""
    model = model or body.model
    script = parse(request.header("x-fake") or model)
    return Prompt(
        model=model,
        script=script,
        pieces=_pieces(script, body),
        stream=bool(body.stream) if stream is None else stream,
        include_usage=bool((body.stream_options or {}).get("include_usage")),
    )


def query_value(request: Request, name: str) -> str:
    return parse_qs(request.query).get(name, [""])[0]


def _pieces(script: Script, body: Body) -> tuple[str, ...]:
    if script.big_kib:
        return ("x" * _PIECE,) * (script.big_kib * _KIB // _PIECE)
    if script.events:
        return tuple(f"t\u00f6k{number} " for number in range(script.events))
    text = last_text(msgspec.json.decode(body.said() or b"null")) if script.echo else GREETING
    *before, last = text.split(" ")
    return (*(word + " " for word in before), last)


def last_text(said: Any) -> str:
    """The last piece of text in a prompt of any shape: a string, a list of messages, of parts, of strings."""
    if isinstance(said, str):
        return said
    if isinstance(said, list):
        return last_text(said[-1]) if said else ""
    if isinstance(said, dict):
        return last_text(said.get("content") or said.get("parts") or said.get("text") or "")
    return ""
