"""Anthropic's Messages API."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.dialect import Answer, Event, Stream, encode, respond
from ostiary_gateway.fake.prompt import Body, Prompt
from ostiary_gateway.fake.wire import Request

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
_SERVER_FAULT = 500
_decode = msgspec.json.Decoder(Body).decode


class Anthropic:
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

    def answer(self, request: Request) -> Answer | Stream:
        if request.method == "GET":
            model = {"type": "model", "id": "echo", "display_name": "Echo", "created_at": "2025-01-01T00:00:00Z"}
            page = {"data": [model], "has_more": False, "first_id": "echo", "last_id": "echo"}
            return Answer(200, encode(page))
        try:
            body = _decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._bad("The request body is not valid JSON")
        missing = [name for name in ("model", "max_tokens") if not getattr(body, name)]
        if missing or not bytes(body.messages):
            return self._bad(f"{(missing or ['messages'])[0]}: Field required")
        prompt = prompts.build_prompt(request, body)
        return respond(self, prompt, partial(_message, prompt), _events(prompt))

    def _bad(self, message: str) -> Answer:
        return Answer(400, encode(self.error(400, message)))


def _message(prompt: Prompt) -> dict[str, Any]:
    value = _empty(prompt)
    value |= {"content": [{"type": "text", "text": prompt.text}], "stop_reason": "end_turn"}
    if prompt.script.usage != "none":
        value["usage"] = {**_input_usage(prompt), "output_tokens": _output(prompt)}
    return value


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
        "service_tier": "standard",
    }


def _events(prompt: Prompt) -> Iterator[Event]:
    """`message_delta` is cumulative and may come more than once: the last one counts."""
    counted = prompt.script.usage != "none"
    message = _empty(prompt)
    if counted:
        message["usage"] = {**_input_usage(prompt), "output_tokens": min(1, _output(prompt))}
    yield _event("message_start", message=message)
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield _event("ping")
    for piece in prompt.pieces:
        yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    yield _event("content_block_stop", index=0)
    for stop, output in ((None, min(1, _output(prompt))), ("end_turn", _output(prompt))):
        usage = {"usage": {"output_tokens": output}} if counted else {}
        yield _event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, **usage)
    yield _event("message_stop")


def _event(kind: str, **fields: object) -> Event:
    return Event({"type": kind, **fields}, kind)
