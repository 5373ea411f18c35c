"""Which texts of a request the model gets to see, in each dialect.

Not seen: identifiers, names of models and roles, `user` and `metadata`, addresses and bytes of images, audio and files,
signatures, values that JSON schemas allow. What a tool was called with and what it answered is seen.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

Speaker = Literal["system", "assistant", "user"]


LONGEST = 4 * 1024 * 1024
"""Characters of all texts of a request that are looked through, about what the largest models take; a second for each million."""


class TooLongError(ValueError):
    """There is more text than is looked through."""


class Text(NamedTuple):
    """`speaker` is who brings it into the conversation; results of tools are the user's. Tools are called with numbers, too."""

    value: str | float
    speaker: Speaker


_MESSAGES: Mapping[str, Speaker] = {"system": "system", "messages": "user", "tools": "system"}
_ROOTS: Mapping[str, Mapping[str, Speaker]] = {  # what the conversation begins with comes first
    "chat": {
        "messages": "user",
        "prediction": "assistant",
        "response_format": "system",
        "functions": "system",
        "tools": "system",
    },
    "completions": {"prompt": "user", "suffix": "user"},
    "responses": {"instructions": "system", "prompt": "user", "input": "user", "text": "system", "tools": "system"},
    "messages": _MESSAGES,
    "count_tokens": _MESSAGES,
    "generate": {"systemInstruction": "system", "system_instruction": "system", "contents": "user", "tools": "system"},
    "embeddings": {"input": "user"},
    "moderations": {"input": "user"},
    "images": {"prompt": "user"},
    "audio": {"instructions": "system", "input": "user", "prompt": "user"},
}
_TEXTS = frozenset(
    ("arguments", "code", "content", "context", "description", "input", "instructions", "logs", "output", "parts", "prompt",
     "queries", "query", "reasoning_content", "refusal", "result", "stderr", "stdout", "suffix", "summary", "system", "text",
     "thinking", "title"),
)  # fmt: skip
_WHOLE = frozenset(("action", "args", "arguments", "response", "variables"))  # of any shape: every string in it is seen
_OPAQUE = frozenset(
    ("data", "encrypted_content", "file_data", "fileData", "image_url", "inlineData", "inline_data", "input_audio",
     "metadata", "cache_control", "signature", "thoughtSignature", "thought_signature"),
)  # fmt: skip
_SPEAKERS: Mapping[str, Speaker] = {"system": "system", "developer": "system", "assistant": "assistant", "model": "assistant"}
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")


def texts(body: Any, dialect: str) -> Iterator[Text]:
    """In an order that later turns of a conversation only continue.

    Raises:
        RecursionError: it is nested too deeply.
        TooLongError: it is longer than `LONGEST`.
    """
    length = 0
    for text in _all(body, dialect):
        length += len(text.value) if isinstance(text.value, str) else 0
        if length > LONGEST:
            raise TooLongError("there is more text in the request than is looked through")
        yield text


def _all(body: Any, dialect: str) -> Iterator[Text]:
    if isinstance(body, dict):
        for name, speaker in _ROOTS.get(dialect, {}).items():
            if name in body:
                yield from _field(name, body[name], speaker, "")


def _field(name: str, value: Any, speaker: Speaker, kind: Any) -> Iterator[Text]:
    """`kind` is the `type` of the object that has this field."""
    if isinstance(value, str):
        if name in _TEXTS or (name == "data" and kind == "text"):
            yield Text(value, speaker)
    elif isinstance(value, list):
        for item in value:
            yield from _field(name, item, speaker, kind)
    elif isinstance(value, dict) and (name in _WHOLE or (name == "input" and kind in _CALLS)):
        yield from _everything(value, speaker)
    elif isinstance(value, dict):
        role = value.get("role")
        speaking = _SPEAKERS.get(role, "user") if isinstance(role, str) else speaker
        of_text = value.get("type") == "text"
        for each, item in value.items():
            if each not in _OPAQUE or (each == "data" and of_text):
                yield from _field(each, item, speaking, value.get("type"))


def _everything(value: Any, speaker: Speaker) -> Iterator[Text]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _everything(item, speaker)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield Text(value, speaker)
