"""OpenAI's Responses: what a request asks, the answer and its events."""

import hashlib
from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec

from ostiary_gateway.fake.asked import (
    Asked,
    Tool,
    describe_address,
    describe_result,
    find_choice,
    join_texts,
)  # fmt: skip
from ostiary_gateway.fake.chat import chat_usage, make_logprob
from ostiary_gateway.fake.dialect import Event
from ostiary_gateway.fake.prompt import Prompt
from ostiary_gateway.fake.reply import Call, sign_thought

_numbers = count()
_CREATED = 1_700_000_000
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_REASONS = {"length": "max_output_tokens", "filter": "content_filter"}


def read_response(body: dict[str, Any]) -> Asked:
    given = body.get("input")
    items = given if isinstance(given, list) else []
    tools = tuple(_tool(tool) for tool in body.get("tools") or () if tool["type"] in ("function", "custom"))
    choice = body.get("tool_choice") or "auto"
    reasoning = body.get("reasoning") or {}
    included = body.get("include") or ()
    form = (body.get("text") or {}).get("format") or {}
    return Asked(
        tools=tools,
        choice=_choice(choice, tools),
        parallel=body.get("parallel_tool_calls") is not False,
        results=tuple(reversed(list(_results(items)))),
        media=tuple(_media(items)),
        schema=form.get("schema") if form.get("type") == "json_schema" else {} if form.get("type") == "json_object" else None,
        thinks=reasoning.get("effort") != "none" and bool(reasoning.get("summary") or "reasoning.encrypted_content" in included),
        top_logprobs=(body.get("top_logprobs") or 0) if "message.output_text.logprobs" in included else None,
        identity=f"{hashlib.sha256(msgspec.json.encode(body)).hexdigest()[:24]}{next(_numbers):06x}",
    )


def _tool(tool: dict[str, Any]) -> Tool:
    return Tool(tool["name"], None if tool["type"] == "custom" else tool.get("parameters") or {})


def _choice(choice: str | dict[str, Any], tools: tuple[Tool, ...]) -> Any:
    if isinstance(choice, str):
        return {"required": "any"}.get(choice, choice)
    if choice["type"] == "allowed_tools":
        return {"required": "any"}.get(choice.get("mode", "auto"), "auto")
    return find_choice(tools, choice.get("name"))


def _results(items: list[dict[str, Any]]) -> Iterator[str]:
    """Of the last turn, last one first."""
    for item in reversed(items):
        if item.get("type") not in _OUTPUTS:
            return
        yield describe_result(join_texts(item["output"]))


def _media(items: list[dict[str, Any]]) -> Iterator[str]:
    content = items[-1].get("content", items[-1].get("output")) if items else None
    for part in content if isinstance(content, list) else ():
        match part.get("type"):
            case "input_image":
                yield describe_address(part.get("image_url") or part["file_id"])
            case "input_file":
                yield describe_address(part.get("file_data") or part.get("file_url") or part["file_id"])
            case _:
                pass


def response(prompt: Prompt) -> dict[str, Any]:
    reason = _REASONS.get(prompt.reply.ending)
    return _response(prompt, "incomplete" if reason else "completed", list(_items(prompt)), reason)


def _response(prompt: Prompt, status: str, items: list[dict[str, Any]], reason: str | None = None) -> dict[str, Any]:
    settled = status != "in_progress" and prompt.script.usage != "none"
    return {
        "id": f"resp_{prompt.asked.identity}",
        "object": "response",
        "created_at": _CREATED,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "model": prompt.model,
        "output": items,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "usage": _response_usage(prompt) if settled else None,
        "metadata": {},
    }


def _response_usage(prompt: Prompt) -> dict[str, Any]:
    counts = chat_usage(prompt)
    inputs = counts.get("prompt_tokens_details", {"cached_tokens": 0})
    outputs = counts.get("completion_tokens_details", {"reasoning_tokens": 0})
    return {
        "input_tokens": counts["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": inputs["cached_tokens"], "cache_write_tokens": 0},
        "output_tokens": counts["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": outputs["reasoning_tokens"]},
        "total_tokens": counts["total_tokens"],
    }


def _items(prompt: Prompt) -> Iterator[dict[str, Any]]:
    reply = prompt.reply
    if reply.thought:
        yield _reasoning(prompt, done=True)
    if reply.pieces:
        yield _message(prompt, [_part(prompt, reply.text)], "completed")
    for number, call in enumerate(reply.calls):
        yield _call(call, number, call.arguments, "completed")


def _reasoning(prompt: Prompt, *, done: bool) -> dict[str, Any]:
    text = prompt.reply.thinking
    summary = [{"type": "summary_text", "text": text}] if done else []
    return {"id": "rs_fake", "type": "reasoning", "summary": summary, "encrypted_content": sign_thought(text) if done else None}


def _message(prompt: Prompt, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    return {"id": f"msg_{prompt.asked.identity}", "type": "message", "role": "assistant", "status": status, "content": content}


def _part(prompt: Prompt, text: str) -> dict[str, Any]:
    if prompt.reply.ending == "refusal":
        return {"type": "refusal", "refusal": text}
    asked = prompt.asked.top_logprobs is not None and text
    logprobs = [make_logprob(piece, prompt.asked.top_logprobs or 0) for piece in prompt.reply.pieces] if asked else []
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}


def _call(call: Call, number: int, arguments: str, status: str) -> dict[str, Any]:
    kind, field = ("custom_tool_call", "input") if call.custom else ("function_call", "arguments")
    head = {"id": f"fc_fake{number}", "type": kind, "call_id": call.id, "name": call.name, field: arguments}
    return head if call.custom else {**head, "status": status}


def response_events(prompt: Prompt) -> Iterator[Event]:
    for number, (kind, fields) in enumerate(_told(prompt)):
        yield Event({"type": kind, "sequence_number": number, **fields}, kind)


def _told(prompt: Prompt) -> Iterator[tuple[str, dict[str, Any]]]:
    """Type and fields of each event."""
    yield "response.created", {"response": _response(prompt, "in_progress", [])}
    yield "response.in_progress", {"response": _response(prompt, "in_progress", [])}
    reply, index = prompt.reply, 0
    if reply.thought:
        yield from _thinking_events(prompt)
        index += 1
    if reply.pieces:
        yield from _message_events(prompt, index)
        index += 1
    for number, call in enumerate(reply.calls):
        yield from _call_events(call, number, index + number)
    whole = response(prompt)
    yield f"response.{whole['status']}", {"response": whole}


def _thinking_events(prompt: Prompt) -> Iterator[tuple[str, dict[str, Any]]]:
    where = {"item_id": "rs_fake", "output_index": 0, "summary_index": 0}
    yield "response.output_item.added", {"output_index": 0, "item": _reasoning(prompt, done=False)}
    yield "response.reasoning_summary_part.added", {**where, "part": {"type": "summary_text", "text": ""}}
    for piece in prompt.reply.thought:
        yield "response.reasoning_summary_text.delta", {**where, "delta": piece}
    text = prompt.reply.thinking
    yield "response.reasoning_summary_text.done", {**where, "text": text}
    yield "response.reasoning_summary_part.done", {**where, "part": {"type": "summary_text", "text": text}}
    yield "response.output_item.done", {"output_index": 0, "item": _reasoning(prompt, done=True)}


def _message_events(prompt: Prompt, index: int) -> Iterator[tuple[str, dict[str, Any]]]:
    where = {"item_id": f"msg_{prompt.asked.identity}", "output_index": index, "content_index": 0}
    refused, text = prompt.reply.ending == "refusal", prompt.reply.text
    kind, name = ("refusal", "refusal") if refused else ("output_text", "text")
    yield "response.output_item.added", {"output_index": index, "item": _message(prompt, [], "in_progress")}
    yield "response.content_part.added", {**where, "part": _part(prompt, "")}
    top = prompt.asked.top_logprobs
    for piece in prompt.reply.pieces:
        told = {} if refused else {"logprobs": [] if top is None else [make_logprob(piece, top)]}
        yield f"response.{kind}.delta", {**where, "delta": piece, **told}
    part = _part(prompt, text)
    yield f"response.{kind}.done", {**where, name: text, **({} if refused else {"logprobs": part["logprobs"]})}
    yield "response.content_part.done", {**where, "part": part}
    yield "response.output_item.done", {"output_index": index, "item": _message(prompt, [part], "completed")}


def _call_events(call: Call, number: int, index: int) -> Iterator[tuple[str, dict[str, Any]]]:
    where = {"item_id": f"fc_fake{number}", "output_index": index}
    kind, name = ("custom_tool_call_input", "input") if call.custom else ("function_call_arguments", "arguments")
    yield "response.output_item.added", {"output_index": index, "item": _call(call, number, "", "in_progress")}
    for piece in call.pieces:
        yield f"response.{kind}.delta", {**where, "delta": piece}
    said = {} if call.custom else {"name": call.name}
    yield f"response.{kind}.done", {**where, name: call.arguments, **said}
    yield "response.output_item.done", {"output_index": index, "item": _call(call, number, call.arguments, "completed")}
