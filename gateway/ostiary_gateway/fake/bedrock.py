"""AWS Bedrock's Converse and ConverseStream, with a signature or a Bedrock API key."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.bedrock_request import find_forged, read_converse
from ostiary_gateway.fake.dialect import Answer, Event, Stream, decode, disturbed, encode, failure
from ostiary_gateway.fake.frames import frame
from ostiary_gateway.fake.prompt import Prompt
from ostiary_gateway.fake.reply import sign_thought
from ostiary_gateway.fake.script import Script
from ostiary_gateway.fake.sigv4 import find_fault
from ostiary_gateway.fake.strict import converse
from ostiary_gateway.fake.strict.shape import Problem, dotted
from ostiary_gateway.fake.wire import Request

FRAMES = "application/vnd.amazon.eventstream"
_CALL = re.compile(r"/model/([^/]+)/converse(-stream)?$")
_NAMES = {
    400: "ValidationException", 401: "UnrecognizedClientException", 403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException", 413: "ValidationException", 424: "ModelErrorException", 429: "ThrottlingException",
    503: "ServiceUnavailableException",
}  # fmt: skip
_ENDINGS = {
    "stop": "end_turn", "length": "max_tokens", "filter": "content_filtered", "tool": "tool_use", "sequence": "stop_sequence",
    "refusal": "content_filtered",
}  # fmt: skip
_ORIGIN = "http://internal.amazon.com/coral/com.amazon.bedrock/"
_PADDING = "abcdefghijklmnopqrstuvwxyz"


class Bedrock:
    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict

    def refuse(self, request: Request) -> Answer | None:
        said = request.header("authorization")
        if not said:
            return _fail(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        if said.startswith("Bearer ") and said.removeprefix("Bearer ").strip():
            return None
        fault = find_fault(request)
        return _fail(403, *fault) if fault else None

    def error(self, status: int, message: str) -> object:
        del status
        return {"message": message}

    def headers(self, script: Script) -> dict[str, str]:
        told = {"x-amzn-requestid": "fake"}
        if script.status != 200:  # noqa: PLR2004
            told["x-amzn-errortype"] = f"{_NAMES.get(script.status, 'InternalServerException')}:{_ORIGIN}"
        return told

    def answer(self, request: Request) -> Answer | Stream:
        call = _CALL.search(request.path)
        body = decode(request.body)
        if call is None or body is None:
            return _fail(400, "SerializationException", "The request body is not valid JSON.")
        if self._strict:
            problem = converse.check(body)
            text = explain(problem) if problem else find_forged(body)
            if text:
                return _fail(400, "ValidationException", text)
        prompt = prompts.build_prompt(request, body, read_converse(body), model=unquote(call[1]), stream=bool(call[2]))
        return self._speak(prompt)

    def _speak(self, prompt: Prompt) -> Answer | Stream:
        script = prompt.script
        if script.status != 200:  # noqa: PLR2004
            return failure(self, script)
        if not prompt.stream:
            return Answer(200, encode(_whole(prompt)), headers=self.headers(script), script=script)
        fault = Event({"message": "Too many tokens, please wait before trying again."}, "throttlingException")
        frames = map(_framed, disturbed(_events(prompt), script, fault, Event(None)))
        return Stream(filter(None, frames), script, FRAMES, self.headers(script))


def explain(problem: Problem) -> str:
    """The problem in AWS's words."""
    place = dotted(problem.place)
    match problem.kind:
        case "unknown":
            return (
                f"Malformed input request: extraneous key [{place}] is not permitted, please reformat your input and try again."
            )
        case "missing":
            return f"1 validation error detected: Value at '{place}' failed to satisfy constraint: Member must not be null"
        case "rule":
            return problem.text
        case _:
            return f"1 validation error detected: Value at '{place}' failed to satisfy constraint: {problem.text}"


def _fail(status: int, name: str, message: str) -> Answer:
    return Answer(status, encode({"message": message}), headers={"x-amzn-requestid": "fake", "x-amzn-errortype": name})


def _framed(event: Event) -> bytes:
    if event.data is None:
        return b""
    kind = "exception" if event.name.endswith("Exception") else "event"
    headers = {f":{kind}-type": event.name, ":content-type": "application/json", ":message-type": kind}
    return frame(headers, encode(event.data))


def _whole(prompt: Prompt) -> dict[str, Any]:
    reply = prompt.reply
    content: list[dict[str, Any]] = []
    if reply.thought:
        said = {"text": reply.thinking, "signature": sign_thought(reply.thinking)}
        content.append({"reasoningContent": {"reasoningText": said}})
    if reply.pieces:
        content.append({"text": reply.text})
    content += [
        {"toolUse": {"toolUseId": call.id, "name": call.name, "input": msgspec.json.decode(call.arguments)}}
        for call in reply.calls
    ]
    value: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _ENDINGS[reply.ending],
    }
    return {**value, **_metadata(prompt)}


def _metadata(prompt: Prompt) -> dict[str, Any]:
    metrics = {"metrics": {"latencyMs": 1}}
    return metrics if prompt.script.usage == "none" else {"usage": _usage(prompt), **metrics}


def _usage(prompt: Prompt) -> dict[str, int]:
    if prompt.script.usage == "zero":
        return {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    usage = {"inputTokens": prompts.INPUT_TOKENS, "outputTokens": prompt.output_tokens}
    if prompt.script.usage == "cached":
        usage |= {"cacheReadInputTokens": prompts.CACHE_READ_TOKENS, "cacheWriteInputTokens": prompts.CACHE_WRITE_TOKENS}
    return {**usage, "totalTokens": sum(usage.values())}


def _events(prompt: Prompt) -> Iterator[Event]:
    """Each with padding, as AWS sends it; only calls have an event for their start."""
    reply = prompt.reply
    yield Event({"role": "assistant", "p": _PADDING[:5]}, "messageStart")
    for index, (start, deltas) in enumerate(_blocks(prompt)):
        if start:
            yield Event({"contentBlockIndex": index, "start": start, "p": _PADDING[:3]}, "contentBlockStart")
        for number, delta in enumerate(deltas):
            yield Event({"contentBlockIndex": index, "delta": delta, "p": _PADDING[: number % 26]}, "contentBlockDelta")
        yield Event({"contentBlockIndex": index, "p": _PADDING[:9]}, "contentBlockStop")
    yield Event({"stopReason": _ENDINGS[reply.ending], "p": _PADDING[:2]}, "messageStop")
    yield Event({**_metadata(prompt), "p": _PADDING[:7]}, "metadata")


def _blocks(prompt: Prompt) -> Iterator[tuple[dict[str, Any] | None, Iterator[dict[str, Any]]]]:
    reply = prompt.reply
    if reply.thought:
        yield None, _thought(prompt)
    if reply.pieces:
        yield None, ({"text": piece} for piece in reply.pieces)
    for call in reply.calls:
        yield {"toolUse": {"toolUseId": call.id, "name": call.name}}, ({"toolUse": {"input": piece}} for piece in call.pieces)


def _thought(prompt: Prompt) -> Iterator[dict[str, Any]]:
    for piece in prompt.reply.thought:
        yield {"reasoningContent": {"text": piece}}
    yield {"reasoningContent": {"signature": sign_thought(prompt.reply.thinking)}}
