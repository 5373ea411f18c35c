"""What of a request body the classifiers and the scorer get to see: little, bounded, and the same for every dialect."""

from collections.abc import Iterable
from typing import Any

import msgspec

LONGEST_TEXT = 2000  # characters of the last thing the user said: both ends of it where it is longer
LONGEST_TURN = 1000  # characters of an earlier turn
TURNS = 6  # how many turns a scorer sees, the last one included


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    text: str


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is what the user said last. `chars` counts what the user said last in full, `length` the bytes of the whole body."""

    text: str = ""
    chars: int = 0
    length: int = 0
    messages: int = 0
    tools: int = 0
    tool_results: bool = False  # an agent is at work: an answer to a call of a tool is among the last turns
    turns: tuple[Turn, ...] = ()


class _Body(msgspec.Struct):
    """Chat Completions and Messages say `messages`, Responses says `input`, Completions `prompt`."""

    messages: msgspec.Raw = msgspec.Raw(b"null")
    input: msgspec.Raw = msgspec.Raw(b"null")
    prompt: msgspec.Raw = msgspec.Raw(b"null")
    tools: msgspec.Raw = msgspec.Raw(b"null")


_body = msgspec.json.Decoder(_Body)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_TOOL_KINDS = ("tool_result", "function_call_output")  # a tuple: what a caller sends need not be hashable


def read(body: bytes) -> Prompt:
    """The prompt in a request body; an empty one where there is none, or the body is not what the dialects have."""
    try:
        found = _body.decode(body)
        said = _messages(found)
        recent = [_decoded(message) for message in said[-TURNS:]]
        tools = len(_listed(found.tools))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Prompt(length=len(body))
    turns = tuple(turn for message in recent if (turn := _turn(message)))
    text = next((turn.text for turn in reversed(turns) if turn.role == "user"), "")
    return Prompt(
        text=_ends(text, LONGEST_TEXT),
        chars=len(text),
        length=len(body),
        messages=len(said),
        tools=tools,
        tool_results=any(_is_tool_result(message) for message in recent),
        turns=tuple(Turn(role=turn.role, text=_ends(turn.text, LONGEST_TURN)) for turn in turns),
    )


def _messages(body: _Body) -> list[msgspec.Raw]:
    for place in (body.messages, body.input, body.prompt):
        if _first(place) == b"n":
            continue
        return [place] if _first(place) == b'"' else _listed(place)
    return []


def _listed(value: msgspec.Raw) -> list[msgspec.Raw]:
    return _list.decode(value) if _first(value) == b"[" else []


def _decoded(message: msgspec.Raw) -> dict[str, Any]:
    """A bare text is what a user says (Responses, Completions)."""
    value = msgspec.json.decode(message)
    if isinstance(value, str):
        return {"role": "user", "content": value}
    return value if isinstance(value, dict) else {}


def _turn(message: dict[str, Any]) -> Turn | None:
    role = message.get("role")
    text = _text(message.get("content"))
    return Turn(role=role, text=text) if isinstance(role, str) and text else None


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(_parts(content))


def _parts(content: Iterable[object]) -> Iterable[str]:
    for part in content:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            yield text


def _is_tool_result(message: dict[str, Any]) -> bool:
    if message.get("role") == "tool" or message.get("type") in _TOOL_KINDS:
        return True
    content = message.get("content")
    return isinstance(content, list) and any(isinstance(part, dict) and part.get("type") in _TOOL_KINDS for part in content)


def _ends(text: str, longest: int) -> str:
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}\n{text[-half:]}"


def _first(value: msgspec.Raw) -> bytes:
    return bytes(memoryview(value)[:1])
