"""What a request asks for, in no vendor's words: its tools, results of tools, pictures, the form of the answer."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ostiary_gateway.fake.strict.data import decode_base64, split_inline


@dataclass(frozen=True, slots=True)
class Tool:
    """`schema` is None where a tool takes text instead of an object."""

    name: str
    schema: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Texts:
    """What is to be turned into vectors of so many numbers."""

    texts: tuple[str, ...] = ()
    dimensions: int = 4
    base64: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """`choice`: a tool may, must or must not be called, or this one must.

    `results` are sentences about the results that the last turn brings, `media` about the pictures and files in it.
    `schema` is what the answer must fit; empty for any JSON.
    `identity` is the end of ids that must differ from one answer to the next.
    """

    tools: tuple[Tool, ...] = ()
    choice: Literal["auto", "any", "none"] | Tool = "auto"
    parallel: bool = True
    results: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    thinks: bool = False
    stops: tuple[str, ...] = ()
    n: int = 1
    top_logprobs: int | None = None
    texts: Texts = Texts()
    identity: str = "fake"


def find_choice(tools: Iterable[Tool], name: str | None) -> Literal["any"] | Tool:
    """The tool of that name, where one must be called."""
    return next((tool for tool in tools if tool.name == name), "any")


def describe_result(text: str, *, failed: bool = False) -> str:
    return f"The tool {'failed' if failed else 'said'}: {text}"


def describe_data(media_type: str, data: str) -> str:
    """`data` is base64."""
    content = decode_base64(data) or b""
    return describe_bytes(media_type, content)


def describe_bytes(media_type: str, content: bytes) -> str:
    return f"I see {media_type}, {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}."


def describe_address(address: str) -> str:
    """An address of any kind: `data:` ones are looked into."""
    inline = split_inline(address)
    return describe_data(*inline) if inline else f"I see {address}."


def join_texts(content: Any) -> str:
    """The text of a string or of a list of parts that have a `text`."""
    if isinstance(content, str):
        return content
    return "".join(str(part["text"]) for part in content or () if isinstance(part, dict) and isinstance(part.get("text"), str))
