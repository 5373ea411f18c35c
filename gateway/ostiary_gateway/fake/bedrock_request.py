"""What a request to Bedrock asks, and whether what it says to have been thought was thought here."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ostiary_gateway.fake.asked import Asked, Tool, describe_bytes, describe_data, describe_result
from ostiary_gateway.fake.reply import sign_thought

_DOCUMENTS = {"pdf": "application/pdf", "txt": "text/plain", "md": "text/markdown", "html": "text/html", "csv": "text/csv"}
_THINKING = ("enabled", "adaptive")


def read_converse(body: dict[str, Any]) -> Asked:
    config = body.get("toolConfig") or {}
    tools = tuple(_tool(tool["toolSpec"]) for tool in config.get("tools") or () if "toolSpec" in tool)
    messages = body.get("messages") or [{"content": []}]
    content = messages[-1]["content"]
    fields = body.get("additionalModelRequestFields") or {}
    return Asked(
        tools=tools,
        choice=_choice(config.get("toolChoice") or {}, tools),
        parallel=((fields.get("tool_choice") or {}).get("disable_parallel_tool_use")) is not True,
        results=tuple(_results(content)),
        media=tuple(_media(content)),
        schema=_schema((body.get("outputConfig") or {}).get("textFormat")),
        thinks=(fields.get("thinking") or {}).get("type") in _THINKING,
        stops=tuple((body.get("inferenceConfig") or {}).get("stopSequences") or ()),
    )


def find_forged(body: dict[str, Any]) -> str:
    """A sentence about a thought whose signature is not this provider's; empty where there is none."""
    for number, message in enumerate(body.get("messages") or ()):
        for index, block in enumerate(message["content"]):
            said = (block.get("reasoningContent") or {}).get("reasoningText")
            if said and said.get("signature") != sign_thought(said["text"]):
                fault = f"messages.{number}.content.{index}: Invalid `signature` in `thinking` block"
                return f"The model returned the following errors: {fault}"
    return ""


def _tool(spec: dict[str, Any]) -> Tool:
    return Tool(spec["name"], spec["inputSchema"]["json"])


def _choice(choice: dict[str, Any], tools: tuple[Tool, ...]) -> Any:
    if named := choice.get("tool"):
        return next((tool for tool in tools if tool.name == named["name"]), "any")
    return "any" if "any" in choice else "auto"


def _results(content: list[dict[str, Any]]) -> Iterator[str]:
    for block in content:
        if result := block.get("toolResult"):
            text = "".join(_text_of(inner) for inner in result["content"])
            yield describe_result(text, failed=result.get("status") == "error")
            yield from _media(result["content"])


def _text_of(block: dict[str, Any]) -> str:
    return msgspec.json.encode(block["json"]).decode() if "json" in block else str(block.get("text") or "")


def _media(content: list[dict[str, Any]]) -> Iterator[str]:
    for block in content:
        if image := block.get("image"):
            yield _describe(image["source"], f"image/{image['format']}")
        if document := block.get("document"):
            kind = document.get("format", "txt")
            yield _describe(document["source"], _DOCUMENTS.get(kind, f"application/x-{kind}"))


def _describe(source: dict[str, Any], media_type: str) -> str:
    if "bytes" in source:
        return describe_data(media_type, source["bytes"])
    if "s3Location" in source:
        return f"I see {source['s3Location']['uri']}."
    text = source.get("text") or "".join(part["text"] for part in source.get("content") or ())
    return describe_bytes("text/plain", text.encode())


def _schema(form: dict[str, Any] | None) -> dict[str, Any] | None:
    return msgspec.json.decode(form["structure"]["jsonSchema"]["schema"]) if form else None
