"""Find the model and the raw usage objects in a whole reply body.

The same rules as nginx's collector: of an Anthropic stream the usage of `message_start` and the last `message_delta`,
of every other reply the last usage object. A usage object is kept as its numbers only: nested objects stay, everything
else is dropped, so that no text of a reply can pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ostiary_gateway.usage.sse import Splitter

REPLY_LIMIT = 2 * 1024 * 1024
"""Bytes above which a body is not looked into (LM-15)."""

_BOM = b"\xef\xbb\xbf"
_USAGE = ("usage", "usageMetadata")
_MODEL = ("model", "modelVersion")
_KINDS = ("TEXT", "IMAGE", "AUDIO", "VIDEO", "DOCUMENT", "5m", "1h")
_COUNTED = (("modality", "tokenCount"), ("ttl", "inputTokens"))
_WRAPS = ("response", "message")  # one level down in Responses' `response.completed` and Anthropic's `message_start`


class Reply(msgspec.Struct, frozen=True):
    """`raws` in order of appearance."""

    model: str | None = None
    raws: tuple[Mapping[str, Any], ...] = ()
    stream: bool = False


def extract(body: bytes, content_type: str = "") -> Reply:
    """Look through a body of any dialect; what is not understood is an empty reply."""
    if len(body) > REPLY_LIMIT:
        return Reply()
    text = body.removeprefix(_BOM).strip()
    if text[:1] == b"{":
        return _gather([_decode(text)], stream=False)
    if text[:1] == b"[":
        parts = _decode(text)
        return _gather(parts, stream=True) if isinstance(parts, list) else Reply()
    if content_type.startswith("text/event-stream") or text.startswith((b"data:", b"event:", b":")):
        splitter = Splitter()
        return _gather(map(_decode, splitter.feed(text) + splitter.finish()), stream=True)
    return Reply()


def numbers(value: Any) -> dict[str, Any]:
    """The numeric leaves of an object; lists of counts by kind (Google's modality, Bedrock's ttl) become objects too."""
    if isinstance(value, list):
        return _kinds(value)
    kept: dict[str, Any] = {}
    if not isinstance(value, dict):
        return kept
    for name, leaf in value.items():
        if isinstance(leaf, dict | list):
            if inner := numbers(leaf):
                kept[name] = inner
        elif isinstance(leaf, int | float) and not isinstance(leaf, bool):
            kept[name] = leaf
    return kept


def _kinds(items: list[Any]) -> dict[str, Any]:
    """`[{"modality": "AUDIO", "tokenCount": 5}]` as `{"AUDIO": 5}`, for the kinds that there are."""
    counts = (
        (item.get(kind), item.get(count)) for item in items if isinstance(item, dict) for kind, count in _COUNTED if kind in item
    )
    return {
        name: count
        for name, count in counts
        if isinstance(name, str) and name in _KINDS and isinstance(count, int | float) and not isinstance(count, bool)
    }


def _gather(events: Iterable[Any], *, stream: bool) -> Reply:
    model: str | None = None
    start: Sequence[Mapping[str, Any]] = ()
    last: Sequence[Mapping[str, Any]] = ()
    for event in events:
        if not isinstance(event, dict):
            continue
        for holder in (event, *(event[wrap] for wrap in _WRAPS if isinstance(event.get(wrap), dict))):
            model = model or _model(holder)
            if not (raw := _raw(holder)):
                continue
            if event.get("type") == "message_start":
                start = (raw,)
            else:
                last = (raw,)
    return Reply(model, (*start, *last), stream)


def _raw(holder: Mapping[str, Any]) -> dict[str, Any]:
    for name in _USAGE:
        if raw := numbers(holder.get(name)):
            return raw
    return {}


def _model(holder: Mapping[str, Any]) -> str | None:
    for name in _MODEL:
        value = holder.get(name)
        if isinstance(value, str) and value:
            return value
    return None


def _decode(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
