"""When retiring keys were last used, as the gateway's pods tell in an annotation. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from ostiary_operator.api import names


def last_uses(pods: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """`<key id>#<version>` -> the latest RFC 3339 time that any pod reports; what is no such thing is left out."""
    latest: dict[str, str] = {}
    for pod in pods:
        text = (pod["metadata"].get("annotations") or {}).get(names.RETIRING_KEYS, "")
        for key, time in _uses(text).items():
            latest[key] = max(latest.get(key, ""), time)
    return latest


def _uses(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError:
        return {}
