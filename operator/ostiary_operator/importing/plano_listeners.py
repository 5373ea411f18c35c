"""`listeners` and `overrides`: where Plano serves, and how long it waits."""

import ipaddress
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ostiary_operator.importing import plano_filters
from ostiary_operator.importing.located import Value
from ostiary_operator.importing.reading import Reading

_PORT = 12000
_ADDRESS = "0.0.0.0"
_TAKEN = (
    "type", "name", "port", "address", "timeout", "max_retries", "model_providers", "llm_providers", "message_format", "router",
    "input_filters",
)  # fmt: skip
_WHY = {
    "output_filters": "Ostiary's filters look at requests, not at answers",
    "agents": "agents are not routed to by Ostiary",
}
_OVERRIDES = ("upstream_connect_timeout", "upstream_tls_ca_path", "llm_routing_model", "upstream_timeout_ms")
_STATE = "set OSTIARY_RESPONSE_STORE in .env, to postgresql://...: it holds a secret"
_MOST_MS = 86_400_000
_MOST_RETRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """The one for models. `timeout_ms` bounds a whole request, `retries` are to the same provider; 0 is none.

    `filters` are the chain of every Model, as manifests have it.
    """

    settings: dict[str, str] = field(default_factory=dict)
    timeout_ms: int = 0
    retries: int = 0
    filters: list[dict[str, Any]] = field(default_factory=list)


def read(root: Value, reading: Reading) -> Listener:
    """The listener for models, in any format that Plano had; others are noted."""
    models = list(_models(root.get("listeners"), reading))
    for other in models[1:]:
        reading.note(other, "Ostiary serves on one port: that of the first listener for models")
    listener = models[0] if models else Value("listeners", root.line, None)
    overrides = root.get("overrides")
    settings = {"OSTIARY_HOST": _address(listener, reading), "OSTIARY_PORT": str(_port(listener, reading))}
    timeout = _timeout(listener, overrides, reading)
    if timeout:
        settings["OSTIARY_UPSTREAM_READ_SECONDS"] = str(math.ceil(timeout / 1000))
    retries = reading.whole(listener.get("max_retries"), 0, _MOST_RETRIES) or 0
    settings |= _overrides(overrides, reading) | _state(root.get("state_storage"), reading)
    return Listener(settings=settings, timeout_ms=timeout, retries=retries, filters=plano_filters.read(root, listener, reading))


def _state(section: Value | None, reading: Reading) -> dict[str, str]:
    """Where answers are kept for `previous_response_id` (PL-32)."""
    if section is None:
        return {}
    reading.rest(section, ("type", "connection_string"))
    kind = reading.text(section.get("type"))
    if kind == "memory":
        return {"OSTIARY_RESPONSE_STORE": "memory"}
    reading.note(section, _STATE)
    return {}


def _models(section: Value | None, reading: Reading) -> Iterator[Value]:
    if section is None:
        return
    for listener in section.elements:
        if reading.text(listener.get("type")) in (None, "model", "model_listener"):
            reading.rest(listener, _TAKEN, _WHY)
            yield listener
        else:
            reading.note(listener, "Ostiary listens for requests to models only")
    for name, listener in section.items.items():
        if name == "egress_traffic":
            reading.rest(listener, _TAKEN, _WHY)
            yield listener
        elif not listener.says_nothing:
            reading.note(listener, "Ostiary listens for requests to models only")


def _address(listener: Value, reading: Reading) -> str:
    value = listener.get("address")
    text = reading.text(value)
    if value is None or text is None:
        return _ADDRESS
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        reading.note(value, f"is no IP address; {_ADDRESS} counts instead")
        return _ADDRESS
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - as in IPv6


def _port(listener: Value, reading: Reading) -> int:
    value = listener.get("port")
    port = reading.whole(value, 1, 65535)
    return _PORT if port is None else port


def _timeout(listener: Value, overrides: Value | None, reading: Reading) -> int:
    """Milliseconds; `upstream_timeout_ms` wins, as in Plano."""
    override = overrides.get("upstream_timeout_ms") if overrides else None
    if override is not None:
        return reading.whole(override, 0, _MOST_MS) or 0
    value = listener.get("timeout")
    seconds = reading.seconds(value)
    if value is None or seconds is None:
        return 0
    if not 0 <= seconds * 1000 <= _MOST_MS:
        reading.note(value, "is longer than a day, and is left out")
        return 0
    return math.ceil(seconds * 1000)


def _overrides(section: Value | None, reading: Reading) -> dict[str, str]:
    if section is None:
        return {}
    reading.rest(section, _OVERRIDES)
    settings = {}
    connect = reading.seconds(section.get("upstream_connect_timeout"))
    if connect is not None:
        settings["OSTIARY_UPSTREAM_CONNECT_SECONDS"] = str(max(1, math.ceil(connect)))
    authorities = reading.text(section.get("upstream_tls_ca_path"))
    if authorities and authorities.isprintable():
        settings["OSTIARY_CA_FILE"] = authorities
    return settings
