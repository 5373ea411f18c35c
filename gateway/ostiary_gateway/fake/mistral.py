"""Mistral: OpenAI's shapes, but that it refuses fields that it does not know and tells usage in the last chunk unasked."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from ostiary_gateway.fake import prompt as prompts
from ostiary_gateway.fake.chat import chat, chat_events, chat_usage, read_chat
from ostiary_gateway.fake.dialect import Answer, Event, Stream, decode, disturbed, encode, respond
from ostiary_gateway.fake.openai import OpenAI
from ostiary_gateway.fake.prompt import Prompt
from ostiary_gateway.fake.script import Script
from ostiary_gateway.fake.strict import mistral
from ostiary_gateway.fake.strict.shape import Problem
from ostiary_gateway.fake.wire import Request

_TYPES = {"unknown": "extra_forbidden", "missing": "missing"}


class Mistral(OpenAI):
    """Chat only; all else is as at OpenAI."""

    def headers(self, script: Script) -> dict[str, str]:
        del script
        return {}

    def answer(self, request: Request) -> Answer | Stream:
        if not request.path.endswith("/chat/completions"):
            return super().answer(request)
        body = decode(request.body) or {}
        problem = mistral.check(body)
        if problem:
            return Answer(422, encode(explain(problem, body)))
        read = {**body, "tool_choice": "required"} if body.get("tool_choice") == "any" else body
        prompt = prompts.build_prompt(request, body, read_chat(read))
        fault = Event(
            {"object": "error", "message": "Service unavailable.", "type": "service_unavailable", "param": None, "code": "3000"}
        )
        return respond(self, prompt, partial(chat, prompt), disturbed(_events(prompt), prompt.script, fault))


def explain(problem: Problem, body: dict[str, Any]) -> object:
    """The problem as FastAPI tells it."""
    place = ["body", *problem.place.replace("]", "").replace("[", ".").split(".")]
    given = body.get(problem.place) if problem.kind == "unknown" else None
    text = "Field required" if problem.kind == "missing" else problem.text
    return {"detail": [{"type": _TYPES.get(problem.kind, "value_error"), "loc": place, "msg": text, "input": given}]}


def _events(prompt: Prompt) -> Iterator[Event]:
    """Usage is in the chunk that says why the answer ended."""
    for event in chat_events(prompt):
        last = isinstance(event.data, dict) and event.data["choices"][0]["finish_reason"]
        yield Event({**event.data, "usage": chat_usage(prompt)}) if last and prompt.script.usage != "none" else event  # type: ignore[dict-item]
