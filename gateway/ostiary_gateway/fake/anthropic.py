"""Anthropic's Messages API."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.anthropic_request import find_forged, read_messages
from ostiary_gateway.fake.dialect import Answer, Event, Stream, decode, disturbed, encode, respond
from ostiary_gateway.fake.limits import anthropic_limits
from ostiary_gateway.fake.prompt import Prompt
from ostiary_gateway.fake.reply import sign_thought
from ostiary_gateway.fake.script import TOO_MANY_REQUESTS, Script
from ostiary_gateway.fake.strict import count_tokens, messages
from ostiary_gateway.fake.strict.shape import Problem, dotted
from ostiary_gateway.fake.wire import Request

_TYPES = {
    401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large",
    429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
_SERVER_FAULT, _OVERLOADED = 500, 529
_ENDINGS = {
    "stop": "end_turn", "length": "max_tokens", "filter": "refusal", "tool": "tool_use", "sequence": "stop_sequence",
    "refusal": "refusal",
}  # fmt: skip
_BYTES_A_TOKEN = 4


class Anthropic:
    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict

    def refuse(self, request: Request) -> Answer | None:
        scheme, _, token = request.header("authorization").partition(" ")
        if not request.header("x-api-key") and not (scheme.lower() == "bearer" and token.strip()):
            return Answer(401, encode(self.error(401, "x-api-key header is required")))
        if not request.header("anthropic-version"):
            return self._bad("anthropic-version: header is required")
        return None

    def error(self, status: int, message: str) -> object:
        kind = _TYPES.get(status, "api_error" if status >= _SERVER_FAULT else "invalid_request_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"}

    def headers(self, script: Script) -> dict[str, str]:
        limits = anthropic_limits(script)
        if script.status in (TOO_MANY_REQUESTS, _OVERLOADED):
            limits["x-should-retry"] = "true"
        return limits

    def answer(self, request: Request) -> Answer | Stream:
        if request.method == "GET":
            model = {"type": "model", "id": "echo", "display_name": "Echo", "created_at": "2025-01-01T00:00:00Z"}
            page = {"data": [model], "has_more": False, "first_id": "echo", "last_id": "echo"}
            return Answer(200, encode(page))
        body = decode(request.body)
        if body is None:
            return self._bad("The request body is not valid JSON")
        counted = request.path.endswith("/count_tokens")
        problem = self._problem(request, body, counted=counted)
        if problem:
            return self._bad(problem)
        prompt = prompts.build_prompt(request, body, read_messages(body))
        if counted:
            return respond(self, prompt, partial(_count, request), iter(()))
        fault = _event("error", error={"type": "overloaded_error", "message": "Overloaded"})
        events = disturbed(_events(prompt), prompt.script, fault, _event("ping"))
        return respond(self, prompt, partial(_message, prompt), events)

    def _problem(self, request: Request, body: dict[str, Any], *, counted: bool) -> str:
        for name in ("model", "messages") if counted else ("model", "max_tokens", "messages"):
            if name not in body:
                return f"{name}: Field required"
        if not self._strict:
            return ""
        betas = ",".join(value for name, value in request.headers if name == "anthropic-beta")
        problem = (count_tokens if counted else messages).check(body, betas)
        return explain(problem) if problem else find_forged(body)

    def _bad(self, message: str) -> Answer:
        return Answer(400, encode(self.error(400, message)))


def explain(problem: Problem) -> str:
    """The problem in Anthropic's words."""
    place = dotted(problem.place)
    match problem.kind:
        case "unknown":
            return f"{place}: Extra inputs are not permitted"
        case "missing":
            return f"{place}: Field required"
        case _:
            text = problem.text.replace(problem.place, place) if problem.place else problem.text
            return (
                text if not place or text.startswith((place, "messages:", "tools:", "tool_choice:", "`")) else f"{place}: {text}"
            )


def _count(request: Request) -> dict[str, int]:
    return {"input_tokens": 1 + len(request.body) // _BYTES_A_TOKEN}


def _message(prompt: Prompt) -> dict[str, Any]:
    reply, content = prompt.reply, []
    if reply.thought:
        content.append({"type": "thinking", "thinking": reply.thinking, "signature": sign_thought(reply.thinking)})
    if reply.pieces:
        content.append({"type": "text", "text": reply.text})
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": msgspec.json.decode(call.arguments)}
        for call in reply.calls
    ]
    value = {**_empty(prompt), "content": content, **_stop(prompt)}
    if prompt.script.usage != "none":
        value["usage"] = {**_input_usage(prompt), "service_tier": "standard", "output_tokens": _output(prompt)}
    return value


def _stop(prompt: Prompt) -> dict[str, Any]:
    return {"stop_reason": _ENDINGS[prompt.reply.ending], "stop_sequence": prompt.reply.sequence}


def _empty(prompt: Prompt) -> dict[str, Any]:
    head = {"id": "msg_fake", "type": "message", "role": "assistant", "model": prompt.model}
    return {**head, "content": [], "stop_reason": None, "stop_sequence": None}


def _output(prompt: Prompt) -> int:
    return 0 if prompt.script.usage == "zero" else prompt.output_tokens


def _input_usage(prompt: Prompt) -> dict[str, Any]:
    cached = prompt.script.usage == "cached"
    return {
        "input_tokens": 0 if prompt.script.usage == "zero" else prompts.INPUT_TOKENS,
        "cache_creation_input_tokens": prompts.CACHE_WRITE_TOKENS if cached else 0,
        "cache_read_input_tokens": prompts.CACHE_READ_TOKENS if cached else 0,
    }


def _events(prompt: Prompt) -> Iterator[Event]:
    """`message_delta` is cumulative and may come more than once, as the script `cumulative` has it: the last one counts."""
    counted = prompt.script.usage != "none"
    message = _empty(prompt)
    if counted:
        message["usage"] = {**_input_usage(prompt), "service_tier": "standard", "output_tokens": min(1, _output(prompt))}
    yield _event("message_start", message=message)
    blocks = list(_blocks(prompt))
    for index, (block, deltas) in enumerate(blocks):
        yield _event("content_block_start", index=index, content_block=block)
        if index == 0:
            yield _event("ping")
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    nothing = {"stop_reason": None, "stop_sequence": None}
    told = [(_stop(prompt), _output(prompt))]
    if prompt.script.cumulative:
        told.insert(0, (nothing, min(1, _output(prompt))))
    for stop, output in told:
        usage = {"usage": {**_input_usage(prompt), "output_tokens": output}} if counted else {}
        yield _event("message_delta", delta=stop, **usage)
    yield _event("message_stop")


def _blocks(prompt: Prompt) -> Iterator[tuple[dict[str, Any], Iterator[dict[str, Any]]]]:
    """Each block as it begins, and its deltas."""
    reply = prompt.reply
    if reply.thought:
        yield {"type": "thinking", "thinking": "", "signature": ""}, _thought(prompt)
    if reply.pieces:
        yield {"type": "text", "text": ""}, ({"type": "text_delta", "text": piece} for piece in reply.pieces)
    for call in reply.calls:
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        yield block, ({"type": "input_json_delta", "partial_json": piece} for piece in ("", *call.pieces))


def _thought(prompt: Prompt) -> Iterator[dict[str, Any]]:
    for piece in prompt.reply.thought:
        yield {"type": "thinking_delta", "thinking": piece}
    yield {"type": "signature_delta", "signature": sign_thought(prompt.reply.thinking)}


def _event(kind: str, **fields: object) -> Event:
    return Event({"type": kind, **fields}, kind)
