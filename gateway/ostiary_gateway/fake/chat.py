"""OpenAI's Chat Completions and Completions: what a request asks, the answer and its events."""

from collections.abc import Iterator
from typing import Any

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.asked import (
    Asked,
    Tool,
    describe_address,
    describe_data,
    describe_result,
    find_choice,
    join_texts,
)  # fmt: skip
from ostiary_gateway.fake.dialect import Event
from ostiary_gateway.fake.prompt import Prompt
from ostiary_gateway.fake.reply import Call

_CREATED = 1_700_000_000
_ENDINGS = {
    "stop": "stop",
    "length": "length",
    "filter": "content_filter",
    "tool": "tool_calls",
    "sequence": "stop",
    "refusal": "stop",
}
_LOGPROB = -0.25


def read_chat(body: dict[str, Any]) -> Asked:
    messages = body.get("messages") or []
    tools = tuple(map(_tool, body.get("tools") or ()))
    choice = body.get("tool_choice") or "auto"
    stops = body.get("stop") or ()
    return Asked(
        tools=tools,
        choice=_choice(choice, tools),
        parallel=body.get("parallel_tool_calls") is not False,
        results=tuple(reversed(list(_results(messages)))),
        media=tuple(_media(messages)),
        schema=_schema(body.get("response_format") or {}),
        stops=(stops,) if isinstance(stops, str) else tuple(stops),
        n=int(body.get("n") or 1),
        top_logprobs=body.get("top_logprobs") or 0 if body.get("logprobs") else None,
    )


def read_completion(body: dict[str, Any]) -> Asked:
    stops = body.get("stop") or ()
    return Asked(stops=(stops,) if isinstance(stops, str) else tuple(stops), n=int(body.get("n") or 1))


def _tool(value: dict[str, Any]) -> Tool:
    if value["type"] == "custom":
        return Tool(value["custom"]["name"], None)
    return Tool(value["function"]["name"], value["function"].get("parameters") or {})


def _choice(choice: str | dict[str, Any], tools: tuple[Tool, ...]) -> Any:
    if isinstance(choice, str):
        return {"required": "any"}.get(choice, choice)
    if choice["type"] == "allowed_tools":
        return {"required": "any"}.get(choice["allowed_tools"].get("mode", "auto"), "auto")
    return find_choice(tools, choice[choice["type"]]["name"])


def _results(messages: list[dict[str, Any]]) -> Iterator[str]:
    """Of the last turn, last one first."""
    for message in reversed(messages):
        if message.get("role") != "tool":
            return
        yield describe_result(join_texts(message.get("content")))


def _media(messages: list[dict[str, Any]]) -> Iterator[str]:
    content = messages[-1].get("content") if messages else None
    for part in content if isinstance(content, list) else ():
        match part.get("type"):
            case "image_url":
                yield describe_address(part["image_url"]["url"])
            case "input_audio":
                yield describe_data(f"audio/{part['input_audio']['format']}", part["input_audio"]["data"])
            case "file":
                yield describe_address(part["file"].get("file_data") or part["file"]["file_id"])
            case _:
                pass


def _schema(form: dict[str, Any]) -> dict[str, Any] | None:
    match form.get("type"):
        case "json_schema":
            return form["json_schema"].get("schema") or {}
        case "json_object":
            return {}
        case _:
            return None


def chat_usage(prompt: Prompt) -> dict[str, Any]:
    if prompt.script.usage == "zero":
        return {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    cached = prompt.script.usage == "cached"
    read, reasoning = (prompts.CACHE_READ_TOKENS, prompts.REASONING_TOKENS) if cached else (0, 0)
    output = prompt.output_tokens + reasoning
    return {
        "prompt_tokens": prompts.INPUT_TOKENS,
        "completion_tokens": output,
        "total_tokens": prompts.INPUT_TOKENS + output,
        "prompt_tokens_details": {"cached_tokens": read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
    }


def _with_usage(value: dict[str, Any], prompt: Prompt) -> dict[str, Any]:
    return value if prompt.script.usage == "none" else {**value, "usage": chat_usage(prompt)}


def chat(prompt: Prompt) -> dict[str, Any]:
    reply = prompt.reply
    refused = reply.ending == "refusal"
    text = None if refused or (reply.calls and not reply.text) else reply.text
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": reply.text if refused else None}
    if reply.thought:
        message["reasoning_content"] = reply.thinking
    if reply.calls:
        message["tool_calls"] = [_whole_call(call) for call in reply.calls]
    logprobs = _logprobs(prompt, reply.pieces)
    finish = _ENDINGS[reply.ending]
    choices = [
        {"index": number, "message": message, "logprobs": logprobs, "finish_reason": finish} for number in range(prompt.asked.n)
    ]
    return _with_usage(_envelope("chat.completion", prompt, choices), prompt)


def _whole_call(call: Call) -> dict[str, Any]:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def make_logprob(piece: str, alternatives: int) -> dict[str, Any]:
    def said(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode())}

    top = [said(piece if number == 0 else f"{piece}{number}", _LOGPROB - number) for number in range(alternatives)]
    return {**said(piece, _LOGPROB), "top_logprobs": top}


def _logprobs(prompt: Prompt, pieces: tuple[str, ...]) -> dict[str, Any] | None:
    top = prompt.asked.top_logprobs
    return None if top is None else {"content": [make_logprob(piece, top) for piece in pieces], "refusal": None}


def chat_events(prompt: Prompt) -> Iterator[Event]:
    for number in range(prompt.asked.n):
        for delta, finish, logprobs in _deltas(prompt):
            choice = {"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
            chunk = _envelope("chat.completion.chunk", prompt, [choice])
            yield Event({**chunk, "usage": None} if prompt.include_usage else chunk)
    yield from _last_events("chat.completion.chunk", prompt)


def _deltas(prompt: Prompt) -> Iterator[tuple[dict[str, Any], str | None, Any]]:
    """Delta, finish reason and logprobs of each chunk of a choice."""
    reply = prompt.reply
    yield {"role": "assistant", "content": None if reply.calls else ""}, None, None
    for piece in reply.thought:
        yield {"reasoning_content": piece}, None, None
    name = "refusal" if reply.ending == "refusal" else "content"
    for piece in reply.pieces:
        yield {name: piece}, None, _logprobs(prompt, (piece,))
    for number, call in enumerate(reply.calls):
        kind, field = ("custom", "input") if call.custom else ("function", "arguments")
        yield {"tool_calls": [{"index": number, "id": call.id, "type": kind, kind: {"name": call.name, field: ""}}]}, None, None
        for piece in call.pieces:
            yield {"tool_calls": [{"index": number, kind: {field: piece}}]}, None, None
    yield {}, _ENDINGS[reply.ending], None


def _last_events(kind: str, prompt: Prompt) -> Iterator[Event]:
    if prompt.include_usage and prompt.script.usage != "none":
        yield Event({**_envelope(kind, prompt, []), "usage": chat_usage(prompt)})
    yield Event("[DONE]")


def completion(prompt: Prompt) -> dict[str, Any]:
    finish = _ENDINGS[prompt.reply.ending]
    choices = [
        {"index": number, "text": prompt.reply.text, "logprobs": None, "finish_reason": finish}
        for number in range(prompt.asked.n)
    ]
    return _with_usage(_envelope("text_completion", prompt, choices), prompt)


def completion_events(prompt: Prompt) -> Iterator[Event]:
    for piece in prompt.reply.pieces:
        choice = {"index": 0, "text": piece, "logprobs": None, "finish_reason": None}
        yield Event(_envelope("text_completion", prompt, [choice]))
    closing = {"index": 0, "text": "", "logprobs": None, "finish_reason": _ENDINGS[prompt.reply.ending]}
    yield Event(_envelope("text_completion", prompt, [closing]))
    yield from _last_events("text_completion", prompt)


def _envelope(kind: str, prompt: Prompt, choices: list[dict[str, Any]]) -> dict[str, Any]:
    head = {"id": "chatcmpl-fake", "object": kind, "created": _CREATED, "model": prompt.model}
    return {**head, "choices": choices, "service_tier": "default", "system_fingerprint": "fp_fake"}
