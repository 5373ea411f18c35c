"""Google's generateContent, as one object, as server-sent events and as the JSON array of old; embeddings; Vertex."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import unquote

import msgspec

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.dialect import JSON, Answer, Event, Stream, decode, disturbed, encode, failure, server_sent
from ostiary_gateway.fake.embeddings import make_vector
from ostiary_gateway.fake.google_request import find_forged, read_embed, read_generate
from ostiary_gateway.fake.prompt import Prompt, query_value
from ostiary_gateway.fake.reply import sign_thought
from ostiary_gateway.fake.script import Script
from ostiary_gateway.fake.strict import embed, generate
from ostiary_gateway.fake.strict.shape import Problem
from ostiary_gateway.fake.wire import Request

_CALL = re.compile(r"/models/([^/]+):(\w+)$")
_STATES = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED",
    413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 501: "UNIMPLEMENTED", 503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}  # fmt: skip
_ENDINGS = {"length": "MAX_TOKENS", "filter": "SAFETY", "refusal": "PROHIBITED_CONTENT"}
_UNKNOWN = re.compile(r"(?P<place>.*?)\.?(?P<name>[^.]+)")
TOKEN = "ya29."  # noqa: S105  # how Google's access tokens begin
_BYTES_A_TOKEN = 4


class Google:
    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict

    def refuse(self, request: Request) -> Answer | None:
        bearer = request.header("authorization")
        if "/projects/" in request.path and not request.header("x-goog-api-key"):
            if bearer.startswith(f"Bearer {TOKEN}"):
                return None
            text = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
            return self._refusal(401, f"{text} authentication credential.")
        if request.header("x-goog-api-key") or bearer or query_value(request, "key"):
            return None
        return self._refusal(403, "Method doesn't allow unregistered callers")

    def error(self, status: int, message: str) -> object:
        return {"error": {"code": status, "message": message, "status": _STATES.get(status, "INTERNAL")}}

    def headers(self, script: Script) -> dict[str, str]:
        del script
        return {}

    def answer(self, request: Request) -> Answer | Stream:
        call = _CALL.search(request.path)
        if not call:
            return self._refusal(404, "not found")
        body = decode(request.body)
        if body is None:
            return self._refusal(400, "Invalid JSON payload received.")
        problem = self._problem(call[2], body)
        if problem:
            return Answer(400, encode(problem))
        model = unquote(call[1])
        match call[2]:
            case "generateContent" | "streamGenerateContent" as verb:
                stream = verb == "streamGenerateContent"
                return self._speak(request, prompts.build_prompt(request, body, read_generate(body), model=model, stream=stream))
            case "embedContent" | "batchEmbedContents" as verb:
                prompt = prompts.build_prompt(request, body, read_embed(body), model=model, stream=False)
                return self._whole(prompt, partial(_embeddings, prompt, batch=verb == "batchEmbedContents"))
            case _:
                return Answer(200, encode({"totalTokens": 1 + len(request.body) // _BYTES_A_TOKEN}))

    def _problem(self, verb: str, body: dict[str, Any]) -> object | None:
        embeds = verb in ("embedContent", "batchEmbedContents")
        if not embeds and verb != "countTokens" and "contents" not in body:
            return self.error(400, "* GenerateContentRequest.contents: contents is not specified\n")
        if not self._strict or verb == "countTokens":
            return None
        problem = embed.check(body, batch=verb == "batchEmbedContents") if embeds else generate.check(body)
        if problem:
            return explain(problem)
        forged = "" if embeds else find_forged(body)
        return self.error(400, forged) if forged else None

    def _whole(self, prompt: Prompt, value: Any) -> Answer:
        return failure(self, prompt.script) if prompt.script.status != 200 else Answer(200, encode(value()), script=prompt.script)  # noqa: PLR2004

    def _speak(self, request: Request, prompt: Prompt) -> Answer | Stream:
        script = prompt.script
        if script.status != 200 or not prompt.stream:  # noqa: PLR2004
            return self._whole(prompt, partial(_whole_reply, prompt))
        fault = Event(self.error(503, "The model is overloaded. Please try again later."))
        events = disturbed(map(Event, _replies(prompt)), script, fault)
        if query_value(request, "alt") == "sse":
            return Stream(server_sent(events, script), script)
        return Stream(_array(events), script, JSON)

    def _refusal(self, status: int, message: str) -> Answer:
        return Answer(status, encode(self.error(status, message)))


def explain(problem: Problem) -> dict[str, Any]:
    """The problem in Google's words."""
    found = _UNKNOWN.fullmatch(problem.place)
    if problem.kind == "unknown" and found:
        at = f" at '{found['place']}'" if found["place"] else ""
        text = f'Invalid JSON payload received. Unknown name "{found["name"]}"{at}: Cannot find field.'
    elif problem.kind in ("rule", "value"):
        text = problem.text
    else:
        text = f"Invalid value at '{problem.place}': {problem.text}"
    violation = {"field": problem.place, "description": text}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return {"error": {"code": 400, "message": text, "status": "INVALID_ARGUMENT", "details": details}}


def _parts(prompt: Prompt) -> Iterator[list[dict[str, Any]]]:
    """The parts of each piece of the stream; what was thought is signed in the part after it."""
    reply = prompt.reply
    signed = {"thoughtSignature": sign_thought(reply.thinking)} if reply.thought else {}
    for piece in reply.thought:
        yield [{"text": piece, "thought": True}]
    for number, piece in enumerate(reply.pieces):
        yield [{"text": piece, **(signed if number == len(reply.pieces) - 1 else {})}]
    for number, call in enumerate(reply.calls):
        said = {"name": call.name, "args": msgspec.json.decode(call.arguments)}
        yield [{"functionCall": said, **(signed if number == 0 else {})}]


def _whole_reply(prompt: Prompt) -> dict[str, Any]:
    """The same parts, texts of a kind joined."""
    reply = prompt.reply
    joined: list[dict[str, Any]] = []
    for part in (part for parts in _parts(prompt) for part in parts):
        alike = joined and "text" in part and "text" in joined[-1] and part.get("thought") == joined[-1].get("thought")
        if alike:
            joined[-1] = {**joined[-1], **part, "text": joined[-1]["text"] + part["text"]}
        else:
            joined.append(part)
    value = _reply(prompt, joined, last=True)
    value["candidates"] = [{**value["candidates"][0], "index": number} for number in range(prompt.asked.n)]
    top = prompt.asked.top_logprobs
    if top is not None:
        chosen = [{"token": piece, "tokenId": number, "logProbability": -0.25} for number, piece in enumerate(reply.pieces)]
        also = [{"candidates": [{**token, "logProbability": -0.25 - rank} for rank in range(top)]} for token in chosen]
        value["candidates"][0]["logprobsResult"] = {"chosenCandidates": chosen, "topCandidates": also}
        value["candidates"][0]["avgLogprobs"] = -0.25
    return value


def _replies(prompt: Prompt) -> Iterator[dict[str, Any]]:
    pieces = list(_parts(prompt))
    for number, parts in enumerate(pieces, start=1):
        yield _reply(prompt, parts, last=number == len(pieces))


def _array(events: Iterator[Event]) -> Iterator[bytes]:
    before = b"["
    for event in events:
        if event.data is not None:
            yield before + encode(event.data)
            before = b",\r\n"
    yield b"]"


def _reply(prompt: Prompt, parts: list[dict[str, Any]], *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if last:
        candidate["finishReason"] = _ENDINGS.get(prompt.reply.ending, "STOP")
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


def _embeddings(prompt: Prompt, *, batch: bool) -> dict[str, Any]:
    asked = prompt.asked.texts
    values = [{"values": make_vector(text, asked.dimensions)} for text in asked.texts]
    usage = {"usageMetadata": {"promptTokenCount": prompts.INPUT_TOKENS}} if prompt.script.usage != "none" else {}
    return {"embeddings": values, **usage} if batch else {"embedding": values[0], **usage}
