"""What the scripted provider says, in each dialect: events of a stream, or a whole answer.

Each event knows which text of the answer it carries and what the caller has been told of the usage once it has passed:
that is what the truth is made of.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ostiary_gateway.conformance.case import Case, Counts

_CREATED = 1_763_700_000
_TRAP = 'It said: "usage":{"prompt_tokens":7777,"completion_tokens":8888}, and then \\n\\ndata: {"usage":{"output_tokens":9}}. '
_SENTENCES = (
    "The ledger remembers every coin that crossed the bridge, and nobody has to trust the ferryman's word for it. ",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich, während das Wasser langsam steigt. ",
    "帳簿は橋を渡ったすべての硬貨を覚えているので、渡し守の言葉を信じる必要はない。",
    "Each of them counted the boats 🚤🚤 twice, wrote the number down, and compared it with the other one's. ",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`counts` is what has been said of the usage; `final` where it is the provider's last word on what it sent so far."""

    data: str
    name: str = ""
    text: str = ""
    counts: Counts | None = None
    final: bool = False


def pieces(case: Case) -> list[str]:
    """The answer's text, as it is streamed."""
    text = [_SENTENCES[number % len(_SENTENCES)] for number in range(case.pieces)]
    return [_TRAP, *text] if case.trap else text


def events(case: Case, reply_id: str, *, asked: bool) -> Iterator[Event]:
    """A whole stream. `asked`: OpenAI's option to report the usage was on."""
    tells = case.tells in {"always", "last_choice", "running"} or (case.tells == "asked" and asked)
    match case.dialect:
        case "messages":
            yield from _messages(case, reply_id)
        case "responses":
            yield from _responses(case, reply_id)
        case _:
            yield from _choices(case, reply_id, tells=tells)


def whole(case: Case, reply_id: str) -> Event:
    """A whole answer as one event."""
    text = "".join(pieces(case))
    tells = case.tells != "never"
    value: dict[str, Any]
    match case.dialect:
        case "messages":
            value = {**_message(case, reply_id), "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
            value |= {"usage": anthropic_usage(case.counts)} if tells else {}
        case "responses":
            value = _response(case, reply_id, text, "completed", case.counts if tells else None)
        case "embeddings":
            rows = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]
            value = {"object": "list", "data": rows, "model": case.model}
            value |= {"usage": {"prompt_tokens": case.counts.input, "total_tokens": case.counts.input}} if tells else {}
            text = ""
        case _:
            chat = case.dialect == "chat"
            said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
            value = _envelope(case, reply_id, [{"index": 0, **said, "finish_reason": "stop"}], "")
            value |= {"usage": openai_usage(case.counts)} if tells else {}
    return Event(data=_json(case, value), text=text, counts=case.counts if tells else None, final=tells)


def error(case: Case) -> Event:
    """The provider gives up in the middle of a stream."""
    if case.dialect == "messages":
        told = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        return Event(data=_json(case, told), name="error")
    return Event(data=_json(case, {"error": {"message": "The server had an error", "type": "server_error", "code": None}}))


def openai_usage(counts: Counts) -> dict[str, Any]:
    return {
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cache_read},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning},
    }


def anthropic_usage(counts: Counts) -> dict[str, Any]:
    """Anthropic's input leaves out what the cache held."""
    return {
        "input_tokens": counts.input - counts.cache_read - counts.cache_write,
        "cache_creation_input_tokens": counts.cache_write,
        "cache_read_input_tokens": counts.cache_read,
        "output_tokens": counts.output,
    }


def _choices(case: Case, reply_id: str, *, tells: bool) -> Iterator[Event]:
    """Chat and the older completions."""
    chat, counts = case.dialect == "chat", case.counts
    kind = ".chunk" if chat else ""

    def chunk(said: dict[str, Any], finish: str | None, text: str = "", told: Counts | None = None) -> Event:
        content = {"delta": said} if chat else {"text": said.get("content", "")}
        value = _envelope(case, reply_id, [{"index": 0, **content, "finish_reason": finish}], kind)
        value |= {"usage": openai_usage(told)} if told else ({"usage": None} if tells else {})
        return Event(data=_json(case, value), text=text, counts=told, final=told is not None)

    if chat:
        yield chunk({"role": "assistant", "content": ""}, None)
    text = pieces(case)
    for number, piece in enumerate(text, 1):
        grown = Counts(input=counts.input, output=max(1, counts.output * number // len(text)))
        said = {"reasoning_content" if case.thinks else "content": piece}
        yield chunk(said, None, piece, grown if case.tells == "running" else None)
    yield chunk({}, "stop", told=counts if case.tells in {"last_choice", "running"} else None)
    if tells and case.tells not in {"last_choice", "running"}:
        value = {**_envelope(case, reply_id, [], kind), "usage": openai_usage(counts)}
        yield Event(data=_json(case, value), counts=counts, final=True)
    yield Event(data="[DONE]")


def _responses(case: Case, reply_id: str) -> Iterator[Event]:
    number = 0

    def event(kind: str, says: str = "", told: Counts | None = None, **fields: object) -> Event:
        nonlocal number
        number += 1
        data = _json(case, {"type": kind, "sequence_number": number - 1, **fields})
        return Event(data=data, name=kind, text=says, counts=told, final=told is not None)

    where: dict[str, Any] = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    yield event("response.created", response=_response(case, reply_id, "", "in_progress", None))
    delta = "response.function_call_arguments.delta" if case.thinks else "response.output_text.delta"
    for piece in pieces(case):
        yield event(delta, piece, **where, delta=piece)
    text = "".join(pieces(case))
    yield event("response.output_text.done", **where, text=text)
    told = None if case.tells == "never" else case.counts
    yield event("response.completed", told=told, response=_response(case, reply_id, text, "completed", told))


def _messages(case: Case, reply_id: str) -> Iterator[Event]:
    counts = case.counts
    start = Counts(input=counts.input, output=1, cache_read=counts.cache_read, cache_write=counts.cache_write)
    if case.tells == "cumulative":  # the model searched: more input than the beginning knew of
        start = Counts(input=counts.input - 100, output=1, cache_read=counts.cache_read, cache_write=counts.cache_write)

    def event(kind: str, says: str = "", told: Counts | None = None, *, final: bool = False, **fields: object) -> Event:
        return Event(data=_json(case, {"type": kind, **fields}), name=kind, text=says, counts=told, final=final)

    message = _message(case, reply_id) | ({} if case.tells == "never" else {"usage": anthropic_usage(start)})
    yield event("message_start", told=None if case.tells == "never" else start, message=message)
    block = {"type": "thinking", "thinking": "", "signature": ""} if case.thinks else {"type": "text", "text": ""}
    yield event("content_block_start", index=0, content_block=block)
    for piece in pieces(case):
        kind = "thinking" if case.thinks else "text"
        yield event("content_block_delta", piece, index=0, delta={"type": f"{kind}_delta", kind: piece})
        if case.tells == "cumulative":
            yield event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 2})
    yield event("content_block_stop", index=0)
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    if case.tells == "never":
        yield event("message_delta", delta=stop)
    else:
        usage = anthropic_usage(counts) if case.tells == "cumulative" else {"output_tokens": counts.output}
        yield event("message_delta", told=counts, final=True, delta=stop, usage=usage)
    yield event("message_stop")


def _envelope(case: Case, reply_id: str, choices: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    name = f"chat.completion{kind}" if case.dialect == "chat" else "text_completion"
    return {"id": f"chatcmpl-{reply_id}", "object": name, "created": _CREATED, "model": case.model, "choices": choices}


def _message(case: Case, reply_id: str) -> dict[str, Any]:
    head = {"id": f"msg_{reply_id}", "type": "message", "role": "assistant", "model": case.model, "content": []}
    return {**head, "stop_reason": None, "stop_sequence": None}


def _response(case: Case, reply_id: str, text: str, status: str, told: Counts | None) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": [part]}
    usage = told and {
        "input_tokens": told.input,
        "input_tokens_details": {"cached_tokens": told.cache_read},
        "output_tokens": told.output,
        "output_tokens_details": {"reasoning_tokens": told.reasoning},
        "total_tokens": told.input + told.output,
    }
    head = {"id": f"resp_{reply_id}", "object": "response", "created_at": _CREATED, "status": status, "model": case.model}
    return {**head, "output": [item] if text else [], "usage": usage, "metadata": {}}


def _json(case: Case, value: object) -> str:
    return json.dumps(value, ensure_ascii=case.wire.ascii, separators=(",", ":"))
