"""Anthropic's count_tokens, estimated: for providers of other dialects, whose tokens nobody counts before they are used."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec
from aiohttp import web

from ostiary_gateway.usage import count_tokens

_FRAME = 3  # tokens round a message
_OF_A_TOOL = 8
_MEDIA = {"image": 1600, "document": 3000}  # an image of the size to which Anthropic scales; a document of two pages
_SAID = ("text", "thinking", "data", "input", "content", "name", "source", "title", "context")


async def count(request: web.Request) -> web.Response:
    """`POST /count?model=<model>` with the body of a count_tokens request -> `{"input_tokens": n}`; 400 if it cannot be read."""
    try:
        body = msgspec.json.decode(await request.read(), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return web.Response(status=400)
    model = request.query.get("model", "")
    return web.json_response({"input_tokens": await asyncio.to_thread(estimate, body, model)})


def estimate(body: dict[str, Any], model: str) -> int:
    """Tokens of a request in Anthropic's dialect, by the tokenizer of the model that it will go to."""
    messages, tools = body.get("messages"), body.get("tools")
    said = [*_texts(body.get("system"))]
    frames = 0
    for message in messages if isinstance(messages, list) else []:
        frames += _FRAME
        said += _texts(message.get("content") if isinstance(message, dict) else message)
    for tool in tools if isinstance(tools, list) else []:
        frames += _OF_A_TOOL
        said.append(msgspec.json.encode(tool).decode())
    media = sum(each for each in said if isinstance(each, int))
    return frames + media + count_tokens("\n".join(each for each in said if isinstance(each, str)), model)


def _texts(value: object) -> Iterator[str | int]:
    """What is said in content: texts, and how many tokens a medium is."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        kind = value.get("type")
        if isinstance(kind, str) and kind in _MEDIA and _is_medium(value.get("source")):
            yield _MEDIA[kind]
        elif kind == "tool_use":
            yield msgspec.json.encode(value.get("input")).decode()
        else:
            for name in _SAID:
                yield from _texts(value.get(name))


def _is_medium(source: object) -> bool:
    return isinstance(source, dict) and source.get("type") in {"base64", "url", "file"}
