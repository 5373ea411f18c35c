"""Google's generateContent, as one object, as server-sent events and as the JSON array of old."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.dialect import JSON, Answer, Event, Stream, encode, failure, server_sent
from ostiary_gateway.fake.prompt import Body, Prompt, query_value
from ostiary_gateway.fake.wire import Request

_CALL = re.compile(r"/models/([^/]+):(generateContent|streamGenerateContent)$")
_STATES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}
_decode = msgspec.json.Decoder(Body).decode


class Google:
    def refuse(self, request: Request) -> Answer | None:
        if request.header("x-goog-api-key") or request.header("authorization") or query_value(request, "key"):
            return None
        return Answer(403, encode(self.error(403, "Method doesn't allow unregistered callers")))

    def error(self, status: int, message: str) -> object:
        return {"error": {"code": status, "message": message, "status": _STATES.get(status, "INTERNAL")}}

    def answer(self, request: Request) -> Answer | Stream:
        call = _CALL.search(request.path)
        if not call:
            return self._refusal(404, "not found")
        try:
            body = _decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self._refusal(400, "Invalid JSON payload received.")
        if not bytes(body.contents):
            return self._refusal(400, "contents is not specified")
        stream = call[2] == "streamGenerateContent"
        return self._speak(request, prompts.build_prompt(request, body, model=unquote(call[1]), stream=stream))

    def _speak(self, request: Request, prompt: Prompt) -> Answer | Stream:
        if prompt.script.status != 200:  # noqa: PLR2004
            return failure(self, prompt.script)
        if not prompt.stream:
            return Answer(200, encode(_reply(prompt, prompt.text, last=True)), script=prompt.script)
        if query_value(request, "alt") == "sse":
            return Stream(server_sent(map(Event, _replies(prompt)), prompt.script), prompt.script)
        return Stream(_array(prompt), prompt.script, JSON)

    def _refusal(self, status: int, message: str) -> Answer:
        return Answer(status, encode(self.error(status, message)))


def _replies(prompt: Prompt) -> Iterator[dict[str, Any]]:
    for number, piece in enumerate(prompt.pieces, start=1):
        yield _reply(prompt, piece, last=number == len(prompt.pieces))


def _array(prompt: Prompt) -> Iterator[bytes]:
    before = b"["
    for reply in _replies(prompt):
        yield before + encode(reply)
        before = b",\r\n"
    yield b"]"


def _reply(prompt: Prompt, text: str, *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    reply: dict[str, Any] = {"candidates": [candidate]}
    if prompt.script.usage != "none":
        reply["usageMetadata"] = _usage(prompt, last=last)
    return {**reply, "modelVersion": prompt.model, "responseId": "fake"}


def _usage(prompt: Prompt, *, last: bool) -> dict[str, int]:
    if prompt.script.usage == "zero":
        return {"promptTokenCount": 0, "candidatesTokenCount": 0, "totalTokenCount": 0}
    output = prompt.output_tokens if last else 1
    usage = {"promptTokenCount": prompts.INPUT_TOKENS, "candidatesTokenCount": output}
    if prompt.script.usage == "cached":
        thoughts = prompts.REASONING_TOKENS
        usage |= {"cachedContentTokenCount": prompts.CACHE_READ_TOKENS, "thoughtsTokenCount": thoughts}
    return {**usage, "totalTokenCount": prompts.INPUT_TOKENS + output + usage.get("thoughtsTokenCount", 0)}
