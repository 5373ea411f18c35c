"""OpenAI's APIs: chat completions, completions, responses, embeddings, models."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.dialect import Answer, Event, Stream, encode, respond
from ostiary_gateway.fake.prompt import Body, Prompt
from ostiary_gateway.fake.wire import Request

_CREATED = 1_700_000_000
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_SERVER_FAULT = 500
_DIMENSIONS = 4
_decode = msgspec.json.Decoder(Body).decode


class OpenAI:
    def refuse(self, request: Request) -> Answer | None:
        scheme, _, token = request.header("authorization").partition(" ")
        if (scheme.lower() == "bearer" and token.strip()) or request.header("api-key"):
            return None
        return Answer(401, encode(self.error(401, "You didn't provide an API key.")))

    def error(self, status: int, message: str) -> object:
        kind = _TYPES.get(status, "server_error" if status >= _SERVER_FAULT else "invalid_request_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}

    def answer(self, request: Request) -> Answer | Stream:
        if request.method == "GET":
            return self._models()
        kind = next((kind for kind in _KINDS if request.path.endswith(kind)), "")
        try:
            body = _decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._bad("We could not parse the JSON body of your request.")
        if not body.model:
            return self._bad("you must provide a model parameter")
        required, whole, events = _KINDS[kind]
        if not bytes(getattr(body, required)):
            return self._bad(f"Missing required parameter: '{required}'.")
        prompt = prompts.build_prompt(request, body)
        return respond(self, prompt, partial(whole, prompt), events(prompt))

    def _models(self) -> Answer:
        models = [{"id": name, "object": "model", "created": _CREATED, "owned_by": "fake"} for name in ("echo", "hello")]
        return Answer(200, encode({"object": "list", "data": models}))

    def _bad(self, message: str) -> Answer:
        return Answer(400, encode(self.error(400, message)))


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


def _chat(prompt: Prompt) -> dict[str, Any]:
    message = {"role": "assistant", "content": prompt.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _with_usage(_envelope("chat.completion", prompt, [choice]), prompt)


def _chat_events(prompt: Prompt) -> Iterator[Event]:
    def delta(content: dict[str, str], finish: str | None = None) -> Event:
        choice = {"index": 0, "delta": content, "logprobs": None, "finish_reason": finish}
        chunk = _envelope("chat.completion.chunk", prompt, [choice])
        return Event({**chunk, "usage": None} if prompt.include_usage else chunk)

    yield delta({"role": "assistant", "content": ""})
    for piece in prompt.pieces:
        yield delta({"content": piece})
    yield delta({}, "stop")
    yield from _last_events("chat.completion.chunk", prompt)


def _last_events(kind: str, prompt: Prompt) -> Iterator[Event]:
    if prompt.include_usage and prompt.script.usage != "none":
        yield Event({**_envelope(kind, prompt, []), "usage": chat_usage(prompt)})
    yield Event("[DONE]")


def _completion(prompt: Prompt) -> dict[str, Any]:
    choice = {"index": 0, "text": prompt.text, "logprobs": None, "finish_reason": "stop"}
    return _with_usage(_envelope("text_completion", prompt, [choice]), prompt)


def _completion_events(prompt: Prompt) -> Iterator[Event]:
    for piece in prompt.pieces:
        choice = {"index": 0, "text": piece, "logprobs": None, "finish_reason": None}
        yield Event(_envelope("text_completion", prompt, [choice]))
    yield from _last_events("text_completion", prompt)


def _envelope(kind: str, prompt: Prompt, choices: list[dict[str, Any]]) -> dict[str, Any]:
    head = {"id": "chatcmpl-fake", "object": kind, "created": _CREATED, "model": prompt.model}
    return {**head, "choices": choices, "service_tier": "default", "system_fingerprint": "fp_fake"}


def _response(prompt: Prompt, status: str = "completed", *, said: bool = True) -> dict[str, Any]:
    part = {"type": "output_text", "text": prompt.text if said else "", "annotations": []}
    item = {"id": "msg_fake", "type": "message", "role": "assistant", "status": status, "content": [part]}
    head = {"id": "resp_fake", "object": "response", "created_at": _CREATED, "status": status, "model": prompt.model}
    settled = said and prompt.script.usage != "none"
    return {
        **head,
        "output": [item] if said else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": _response_usage(prompt) if settled else None,
        "metadata": {},
    }


def _response_usage(prompt: Prompt) -> dict[str, Any]:
    counts = chat_usage(prompt)
    inputs = counts.get("prompt_tokens_details", {"cached_tokens": 0})
    outputs = counts.get("completion_tokens_details", {"reasoning_tokens": 0})
    return {
        "input_tokens": counts["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": inputs["cached_tokens"]},
        "output_tokens": counts["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": outputs["reasoning_tokens"]},
        "total_tokens": counts["total_tokens"],
    }


def _response_events(prompt: Prompt) -> Iterator[Event]:
    number = 0

    def event(kind: str, **fields: object) -> Event:
        nonlocal number
        number += 1
        return Event({"type": kind, "sequence_number": number - 1, **fields}, kind)

    where = {"item_id": "msg_fake", "output_index": 0, "content_index": 0}
    yield event("response.created", response=_response(prompt, "in_progress", said=False))
    for piece in prompt.pieces:
        yield event("response.output_text.delta", **where, delta=piece, logprobs=[])
    yield event("response.output_text.done", **where, text=prompt.text, logprobs=[])
    yield event("response.completed", response=_response(prompt))


def _embeddings(prompt: Prompt) -> dict[str, Any]:
    row = {"object": "embedding", "index": 0, "embedding": [0.5] * _DIMENSIONS}
    value: dict[str, Any] = {"object": "list", "data": [row], "model": prompt.model}
    if prompt.script.usage == "none":
        return value
    return {**value, "usage": {"prompt_tokens": prompts.INPUT_TOKENS, "total_tokens": prompts.INPUT_TOKENS}}


def _no_events(prompt: Prompt) -> Iterator[Event]:
    yield Event(_embeddings(prompt))


_Whole = Callable[[Prompt], dict[str, Any]]
_Events = Callable[[Prompt], Iterator[Event]]
_KINDS: dict[str, tuple[str, _Whole, _Events]] = {  # end of the path -> required field, reply, stream
    "/chat/completions": ("messages", _chat, _chat_events),
    "/completions": ("prompt", _completion, _completion_events),
    "/responses": ("input", _response, _response_events),
    "/embeddings": ("input", _embeddings, _no_events),
}
