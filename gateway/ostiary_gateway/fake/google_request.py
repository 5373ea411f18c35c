"""What a request to Google asks, and whether its signatures were made here."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ostiary_gateway.fake.asked import Asked, Texts, Tool, describe_address, describe_data, describe_result
from ostiary_gateway.fake.reply import THOUGHT, sign_thought
from ostiary_gateway.fake.strict.generate import camel, read_parts

_ANYBODY = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""What Google takes in place of a signature ("Thought signatures: FAQs")."""


def read_generate(body: dict[str, Any]) -> Asked:
    request = camel(body)
    config = request.get("generationConfig") or {}
    parts = read_parts(request.get("contents") or [])
    tools = tuple(_tools(request))
    calling = (request.get("toolConfig") or {}).get("functionCallingConfig") or {}
    return Asked(
        tools=tools,
        choice=_choice(calling, tools),
        results=tuple(_results(parts)),
        media=tuple(_media(parts)),
        schema=_schema(config),
        thinks=bool((config.get("thinkingConfig") or {}).get("includeThoughts")),
        stops=tuple(config.get("stopSequences") or ()),
        n=int(config.get("candidateCount") or 1),
        top_logprobs=(config.get("logprobs") or 0) if config.get("responseLogprobs") else None,
    )


def read_embed(body: dict[str, Any]) -> Asked:
    request = camel(body)
    given = request.get("requests") or [request]
    texts = tuple("".join(part.get("text") or "" for part in one["content"].get("parts") or ()) for one in given)
    return Asked(texts=Texts(texts, int(given[0].get("outputDimensionality") or 4)))


def find_forged(body: dict[str, Any]) -> str:
    """Google's sentence about a signature that is not this provider's; empty where there is none."""
    known = {sign_thought(THOUGHT), *_ANYBODY}
    for content in camel(body).get("contents") or ():
        for part in content.get("parts") or ():
            signature = part.get("thoughtSignature")
            if signature is not None and signature not in known:
                return "Thought signature is not valid."
    return ""


def _tools(request: dict[str, Any]) -> Iterator[Tool]:
    for tool in request.get("tools") or ():
        for declared in tool.get("functionDeclarations") or ():
            yield Tool(declared["name"], declared.get("parametersJsonSchema") or declared.get("parameters") or {})


def _choice(calling: dict[str, Any], tools: tuple[Tool, ...]) -> Any:
    mode = calling.get("mode", "AUTO")
    allowed = calling.get("allowedFunctionNames") or []
    if mode == "ANY" and len(allowed) == 1:
        return next((tool for tool in tools if tool.name == allowed[0]), "any")
    return {"ANY": "any", "NONE": "none"}.get(mode, "auto")


def _results(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        if answered := part.get("functionResponse"):
            yield describe_result(_text_of(answered["response"]), failed="error" in answered["response"])
            yield from _media(answered.get("parts") or [])


def _text_of(response: dict[str, Any]) -> str:
    """What a function gave back: `{"output": text}` is how a plain text is told; anything else is quoted as JSON."""
    for name in ("output", "result", "error"):
        if isinstance(response.get(name), str):
            return str(response[name])
    return msgspec.json.encode(response).decode()


def _media(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        if inline := part.get("inlineData"):
            yield describe_data(inline["mimeType"], inline["data"])
        if file := part.get("fileData"):
            yield describe_address(file["fileUri"])


def _schema(config: dict[str, Any]) -> dict[str, Any] | None:
    if config.get("responseMimeType") != "application/json":
        return None
    return config.get("responseJsonSchema") or config.get("responseSchema") or {}
