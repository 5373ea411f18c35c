"""What a request to Anthropic asks, and whether what it says to have been thought was thought here."""

from collections.abc import Iterator
from typing import Any

from ostiary_gateway.fake.asked import (
    Asked,
    Tool,
    describe_address,
    describe_bytes,
    describe_data,
    describe_result,
    find_choice,
    join_texts,
)  # fmt: skip
from ostiary_gateway.fake.reply import sign_thought

_THINKING = ("enabled", "adaptive")


def read_messages(body: dict[str, Any]) -> Asked:
    content = _last_content(body)
    tools = tuple(Tool(tool["name"], tool["input_schema"]) for tool in body.get("tools") or () if "input_schema" in tool)
    choice = body.get("tool_choice") or {}
    form = (body.get("output_config") or {}).get("format") or {}
    return Asked(
        tools=tools,
        choice=_choice(choice, tools),
        parallel=choice.get("disable_parallel_tool_use") is not True,
        results=tuple(_results(content)),
        media=tuple(_media(content)),
        schema=form.get("schema"),
        thinks=(body.get("thinking") or {}).get("type") in _THINKING,
        stops=tuple(body.get("stop_sequences") or ()),
    )


def find_forged(body: dict[str, Any]) -> str:
    """Anthropic's sentence about a thought whose signature is not this provider's; empty where there is none."""
    for number, message in enumerate(body.get("messages") or ()):
        blocks = message["content"]
        for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
            place = f"messages.{number}.content.{index}"
            if block["type"] == "thinking" and block["signature"] != sign_thought(block["thinking"]):
                return f"{place}: Invalid `signature` in `thinking` block"
            if block["type"] == "redacted_thinking" and block["data"] != sign_thought(""):
                return f"{place}: Invalid `data` in `redacted_thinking` block"
    return ""


def _last_content(body: dict[str, Any]) -> list[dict[str, Any]]:
    messages = body.get("messages") or [{}]
    content = messages[-1].get("content")
    return content if isinstance(content, list) else []


def _choice(choice: dict[str, Any], tools: tuple[Tool, ...]) -> Any:
    kind = choice.get("type", "auto")
    return find_choice(tools, choice.get("name")) if kind == "tool" else kind


def _results(content: list[dict[str, Any]]) -> Iterator[str]:
    for block in content:
        if block.get("type") == "tool_result":
            inner = block.get("content") or ""
            yield describe_result(join_texts(inner), failed=bool(block.get("is_error")))
            if isinstance(inner, list):
                yield from _media(inner)


def _media(content: list[dict[str, Any]]) -> Iterator[str]:
    for block in content:
        if block.get("type") in ("image", "document"):
            yield _describe(block["source"])


def _describe(source: dict[str, Any]) -> str:
    match source["type"]:
        case "base64":
            return describe_data(source["media_type"], source["data"])
        case "text":
            return describe_bytes("text/plain", source["data"].encode())
        case "content":
            return f"I see {join_texts(source['content'])}."
        case kind:
            return describe_address(source["url" if kind == "url" else "file_id"])
