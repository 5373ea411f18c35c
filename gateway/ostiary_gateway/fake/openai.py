"""OpenAI's APIs: chat completions, completions, responses, embeddings, models; Azure's addresses of the same."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.asked import Asked
from ostiary_gateway.fake.chat import chat, chat_events, completion, completion_events, read_chat, read_completion
from ostiary_gateway.fake.dialect import Answer, Event, Stream, decode, disturbed, encode, respond
from ostiary_gateway.fake.embeddings import embeddings, read_embeddings
from ostiary_gateway.fake.limits import openai_limits
from ostiary_gateway.fake.prompt import Prompt
from ostiary_gateway.fake.responses import read_response, response, response_events
from ostiary_gateway.fake.script import Script
from ostiary_gateway.fake.strict import chat as strict_chat
from ostiary_gateway.fake.strict import completions as strict_completions
from ostiary_gateway.fake.strict import embeddings as strict_embeddings
from ostiary_gateway.fake.strict import responses as strict_responses
from ostiary_gateway.fake.strict.shape import Problem
from ostiary_gateway.fake.wire import Request

_CREATED = 1_700_000_000
_KINDS_OF_ERROR = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_SERVER_FAULT = 500
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)/")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(-preview)?|v1|preview|latest")


@dataclass(frozen=True, slots=True)
class Kind:
    """One of OpenAI's endpoints: what it needs, what it refuses, how it reads and answers."""

    required: str
    check: Callable[[object], Problem | None]
    read: Callable[[dict[str, Any]], Asked]
    whole: Callable[[Prompt], dict[str, Any]]
    events: Callable[[Prompt], Iterator[Event]]


class OpenAI:
    def __init__(self, *, strict: bool = True) -> None:
        self._strict = strict

    def refuse(self, request: Request) -> Answer | None:
        scheme, _, token = request.header("authorization").partition(" ")
        if (scheme.lower() == "bearer" and token.strip()) or request.header("api-key"):
            return None
        return Answer(401, encode(self.error(401, "You didn't provide an API key.")))

    def error(self, status: int, message: str) -> object:
        return _error(status, message, None, _CODES.get(status))

    def headers(self, script: Script) -> dict[str, str]:
        return openai_limits(script)

    def answer(self, request: Request) -> Answer | Stream:
        if request.method == "GET":
            return self._models()
        body = decode(request.body)
        if body is None:
            return self._bad("We could not parse the JSON body of your request.")
        deployment = _DEPLOYMENT.search(request.path)
        azure = deployment or request.path.endswith("/openai/responses")
        if azure and not _VERSION.fullmatch(prompts.query_value(request, "api-version")):
            return Answer(404, encode(_error(404, "Resource not found", None, "404")))
        if deployment:
            body = {**body, "model": unquote(deployment[1])}
        kind = next(kind for ending, kind in _KINDS.items() if request.path.endswith(ending))
        return self._refused(kind, body) or self._speak(request, kind, body)

    def _refused(self, kind: Kind, body: dict[str, Any]) -> Answer | None:
        if not body.get("model"):
            return self._bad("you must provide a model parameter")
        if kind.required not in body:
            return self._bad(f"Missing required parameter: '{kind.required}'.", kind.required, "missing_required_parameter")
        problem = kind.check(body) if self._strict else None
        return Answer(400, encode(explain(problem))) if problem else None

    def _speak(self, request: Request, kind: Kind, body: dict[str, Any]) -> Answer | Stream:
        prompt = prompts.build_prompt(request, body, kind.read(body))
        value: Any = _error(_SERVER_FAULT, "The server had an error while processing your request", None, "server_error")
        told = request.path.endswith("/responses")  # nested, as the servers send it, not flat, as its reference has it
        fault = Event({"type": "error", **value, "sequence_number": 99}, "error") if told else Event(value)
        return respond(self, prompt, partial(kind.whole, prompt), disturbed(kind.events(prompt), prompt.script, fault))

    def _models(self) -> Answer:
        models = [{"id": name, "object": "model", "created": _CREATED, "owned_by": "fake"} for name in ("echo", "hello")]
        return Answer(200, encode({"object": "list", "data": models}))

    def _bad(self, message: str, param: str | None = None, code: str | None = None) -> Answer:
        return Answer(400, encode(_error(400, message, param, code)))


def explain(problem: Problem) -> object:
    """The problem in OpenAI's words."""
    place = problem.place
    match problem.kind:
        case "unknown":
            return _error(400, f"Unknown parameter: '{place}'.", place, "unknown_parameter")
        case "missing":
            return _error(400, f"Missing required parameter: '{place}'.", place, "missing_required_parameter")
        case "type":
            return _error(400, f"Invalid type for '{place}': {problem.text}.", place, "invalid_type")
        case "value":
            return _error(400, f"Invalid value for '{place}': {problem.text}", place, "invalid_value")
        case _:
            return _error(400, problem.text, place or None, "invalid_value")


def _error(status: int, message: str, param: str | None, code: str | None) -> object:
    kind = _KINDS_OF_ERROR.get(status, "server_error" if status >= _SERVER_FAULT else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _no_events(prompt: Prompt) -> Iterator[Event]:
    yield Event(embeddings(prompt))


_KINDS: Mapping[str, Kind] = {  # by the end of the path
    "/chat/completions": Kind("messages", strict_chat.check, read_chat, chat, chat_events),
    "/completions": Kind("prompt", strict_completions.check, read_completion, completion, completion_events),
    "/responses": Kind("input", strict_responses.check, read_response, response, response_events),
    "/embeddings": Kind("input", strict_embeddings.check, read_embeddings, embeddings, _no_events),
}
