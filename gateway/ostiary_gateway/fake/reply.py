"""What the fake provider will say, before any dialect has its way with it.

A request with tools is answered with calls of them: the tool that must be called, else the first two where several at once
are allowed, else the first. After results of tools it is answered with what they said. A picture or file is answered with
its digest, a schema with a value that fits it, anything else with a greeting. A script has the last word.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from ostiary_gateway.fake.asked import Asked, Tool
from ostiary_gateway.fake.sample import make_sample
from ostiary_gateway.fake.script import Script

GREETING = "Hello from the fake provider."
REFUSAL = "I cannot help with that."
THOUGHT = "They greet me. I should greet them, too: gr\u00fcezi."
_PIECE = 1024
_KIB = 1024
_PIECE_OF_ARGUMENTS = 7
_AT_ONCE = 2

Ending = Literal["stop", "length", "filter", "tool", "sequence", "refusal"]


@dataclass(frozen=True, slots=True)
class Call:
    """`arguments` is JSON text, or plain text where `custom`."""

    id: str
    name: str
    arguments: str
    custom: bool = False

    @property
    def pieces(self) -> tuple[str, ...]:
        return _cut(self.arguments, _PIECE_OF_ARGUMENTS)


@dataclass(frozen=True, slots=True)
class Reply:
    """`pieces` are the text as it is streamed; `thought` is in pieces, too, and empty where nothing is thought aloud."""

    pieces: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    thought: tuple[str, ...] = ()
    ending: Ending = "stop"
    sequence: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def thinking(self) -> str:
        return "".join(self.thought)

    @property
    def tokens(self) -> int:
        return len(self.pieces) + sum(len(call.pieces) for call in self.calls)


def make_reply(script: Script, asked: Asked, body: Any, last_text: str) -> Reply:
    """`body` is the whole request: ids of calls come from it, so that each turn of a conversation has its own."""
    thought = _words(THOUGHT) if asked.thinks or script.thinks else ()
    if script.refuses:
        return Reply(_words(REFUSAL), ending="refusal")
    if script.big_kib:
        return Reply(("x" * _PIECE,) * (script.big_kib * _KIB // _PIECE), thought=thought)
    if script.events:
        return Reply(tuple(f"t\u00f6k{number} " for number in range(script.events)), thought=thought)
    tools = () if script.echo or script.notools else _called(asked)
    if tools:
        return Reply(calls=_calls(tools, body), thought=thought, ending="tool")
    text = last_text if script.echo else _answer(asked)
    for sequence in asked.stops:
        if sequence in text:
            return Reply(_words(text.partition(sequence)[0]), thought=thought, ending="sequence", sequence=sequence)
    return Reply(_words(text), thought=thought, ending=script.ending or "stop")


def sign_thought(thought: str) -> str:
    """What only this provider can have signed, as base64."""
    return msgspec.json.encode(hashlib.sha256(b"thought" + thought.encode()).digest()).decode().strip('"')


def _called(asked: Asked) -> tuple[Tool, ...]:
    if asked.choice == "none" or not asked.tools:
        return ()
    if isinstance(asked.choice, Tool):
        return (asked.choice,)
    if asked.results:
        return asked.tools[-1:] if asked.choice == "any" else ()
    return asked.tools[: _AT_ONCE if asked.parallel else 1]


def _calls(tools: tuple[Tool, ...], body: Any) -> tuple[Call, ...]:
    stem = hashlib.sha256(msgspec.json.encode(body)).hexdigest()[:16]
    return tuple(_call(f"call_{stem}{number}", tool) for number, tool in enumerate(tools))


def _call(name: str, tool: Tool) -> Call:
    if tool.schema is None:
        return Call(name, tool.name, GREETING, custom=True)
    return Call(name, tool.name, _as_text(make_sample({"type": "object", **tool.schema})))


def _answer(asked: Asked) -> str:
    if asked.schema is not None:
        return _as_text(make_sample(asked.schema or {"type": "object", "properties": {"answer": {"type": "string"}}}))
    return " ".join((*asked.results, *asked.media)) or GREETING


def _as_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _words(text: str) -> tuple[str, ...]:
    *before, last = text.split(" ")
    return (*(word + " " for word in before), last)


def _cut(text: str, size: int) -> tuple[str, ...]:
    return tuple(text[start : start + size] for start in range(0, len(text), size))
