"""What is asked of the fake provider, whichever dialect it is asked in."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from ostiary_gateway.fake.asked import Asked
from ostiary_gateway.fake.reply import Reply, make_reply
from ostiary_gateway.fake.script import Script, parse
from ostiary_gateway.fake.wire import Request

INPUT_TOKENS = 11
CACHE_READ_TOKENS = 4
CACHE_WRITE_TOKENS = 2
REASONING_TOKENS = 3


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request and the reply that it will get; `include_usage` is whether a chat's stream tells it."""

    model: str
    script: Script
    asked: Asked
    reply: Reply
    stream: bool
    include_usage: bool

    @property
    def output_tokens(self) -> int:
        return self.reply.tokens


def build_prompt(request: Request, body: dict[str, Any], asked: Asked, *, model: str = "", stream: bool | None = None) -> Prompt:
    """Read the script and settle the answer; `model` and `stream` are given where the path says them."""
    model = model or str(body.get("model") or "")
    script = parse(request.header("x-fake") or model)
    options = body.get("stream_options")
    return Prompt(
        model=model,
        script=script,
        asked=asked,
        reply=make_reply(script, asked, body, last_text(_said(body))),
        stream=bool(body.get("stream")) if stream is None else stream,
        include_usage=isinstance(options, dict) and bool(options.get("include_usage")),
    )


def query_value(request: Request, name: str) -> str:
    return parse_qs(request.query).get(name, [""])[0]


def last_text(said: Any) -> str:
    """The last piece of text in a prompt of any shape: a string, a list of messages, of parts, of strings."""
    if isinstance(said, str):
        return said
    if isinstance(said, list):
        return last_text(said[-1]) if said else ""
    if isinstance(said, dict):
        return last_text(said.get("content") or said.get("parts") or said.get("text") or "")
    return ""


def _said(body: dict[str, Any]) -> Any:
    return next((body[name] for name in ("messages", "input", "prompt", "contents") if name in body), None)
