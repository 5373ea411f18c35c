"""What the dialects have in common: an answer, an event of a stream, and how both become bytes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from ostiary_gateway.fake.prompt import Prompt
from ostiary_gateway.fake.script import Script
from ostiary_gateway.fake.wire import Request

JSON = "application/json"
EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole reply. `script` says whether and how it goes wrong on its way."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    script: Script = field(default_factory=Script)


@dataclass(frozen=True, slots=True)
class Stream:
    """A reply in portions, made while it is sent."""

    portions: Iterator[bytes]
    script: Script
    content_type: str = EVENT_STREAM
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; a string is sent as it is, anything else as JSON. Without data it is a comment."""

    data: object
    name: str = ""


COMMENT = Event(None)
"""A life sign, as OpenRouter sends them."""


class Dialect(Protocol):
    """One vendor's way of saying things."""

    def refuse(self, request: Request) -> Answer | None:
        """What the real provider would answer to a request without credentials or required headers."""

    def answer(self, request: Request) -> Answer | Stream: ...

    def error(self, status: int, message: str) -> object: ...

    def headers(self, script: Script) -> dict[str, str]:
        """Those of a reply that goes as this script says: the request's id, what is left of the limits."""


def encode(value: object) -> bytes:
    return msgspec.json.encode(value)


def decode(body: bytes) -> dict[str, Any] | None:
    """The body's JSON object, None if it is none."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return value if isinstance(value, dict) else None


def failure(dialect: Dialect, script: Script) -> Answer:
    """The error that the script asks for."""
    headers = dialect.headers(script)
    if script.retry_after is not None:
        headers["Retry-After"] = str(script.retry_after)
    if script.html:
        page = f"<html><body><h1>{script.status}</h1></body></html>".encode()
        return Answer(script.status, page, "text/html", headers, script)
    body = encode(dialect.error(script.status, f"scripted status {script.status}"))
    return Answer(script.status, body, headers=headers, script=script)


def server_sent(events: Iterator[Event], script: Script) -> Iterator[bytes]:
    newline = b"\r\n" if script.crlf else b"\n"
    colon = b":" if script.nospace else b": "
    for event in events:
        if event is COMMENT:
            yield b": alive" + newline + newline
            continue
        data = event.data.encode() if isinstance(event.data, str) else encode(event.data)
        name = b"event" + colon + event.name.encode() + newline if event.name else b""
        yield name + b"data" + colon + data + newline + newline


def disturbed(events: Iterator[Event], script: Script, fault: Event, ping: Event = COMMENT) -> Iterator[Event]:
    """The events with what the script puts between them: life signs, and an error that is the last one."""
    for number, event in enumerate(events):
        if number == script.fault_after:
            yield fault
            return
        if script.pings and number:
            yield ping
        yield event


def respond(dialect: Dialect, prompt: Prompt, whole: Any, events: Iterator[Event]) -> Answer | Stream:
    """Send what the script says: an error, a stream or everything at once."""
    script = prompt.script
    if script.status != 200:  # noqa: PLR2004
        return failure(dialect, script)
    headers = dialect.headers(script)
    if prompt.stream:
        return Stream(server_sent(events, script), script, headers=headers)
    return Answer(200, encode(whole()), headers=headers, script=script)
