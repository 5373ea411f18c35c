"""The tries of one request: what nginx noted of each connection, beside what the plan says they were."""

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest

import msgspec

from ostiary_gateway.contract.record import Attempt

_LIST = re.compile(r" : |, ")  # nginx joins tries by a comma, internal redirects by a colon
_GUARD = "unix:"  # the provider's address is known to the guard alone
_NOWHERE = ("", "-", "-", "-", "-")
OWN = ("not_expressible", "gateway_error")
"""The provider was never asked: it has no words for the request, or we could not."""

_UNANSWERED = ("timeout", "connection")  # with these the answer that nginx saw, if any, was the guard's

Columns = tuple[str, str, str, str, str]
"""$upstream_addr, _status, _connect_time, _header_time, _response_time."""


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One try of a plan. `error` is empty where its answer was delivered, or where it never began."""

    provider: str
    provider_type: str
    model: str
    error: str = ""
    waited_ms: int = 0


class Planned(msgspec.Struct, frozen=True):
    """The field `a` of a spool line. `exhausted`: the answer was the gateway's own, which says that no try was left."""

    model: str = msgspec.field(default="", name="m")
    route: str = msgspec.field(default="", name="r")
    steps: tuple[Step, ...] = msgspec.field(default=(), name="a")
    exhausted: bool = msgspec.field(default=False, name="x")


_PLANNED = msgspec.json.Decoder(Planned)
UNPLANNED = Planned()


def planned(text: str) -> Planned:
    """Read the field; of a request without a plan, and of what cannot be read, nothing is known."""
    try:
        return _PLANNED.decode(text) if text else UNPLANNED
    except (msgspec.DecodeError, UnicodeDecodeError):
        return UNPLANNED


def attempts(told: Columns, provider: str, steps: Sequence[Step]) -> tuple[Attempt, ...]:
    """One for each try, in order.

    nginx tells of a try once it has chosen an address. A step that it tells nothing of counts where it failed; one
    without error was only going to begin when the client left.
    """
    found = _rows(told)
    if not steps:
        return tuple(_attempt(row, Step(provider, "", "")) for row in found)
    pairs = zip_longest(found, steps)
    return tuple(_attempt(row or _NOWHERE, step or Step(provider, "", "")) for row, step in pairs if row or (step and step.error))


def optional_ms(text: str) -> float | None:
    return round(float(text) * 1000, 3) if text not in {"-", ""} else None


def _rows(told: Columns) -> Iterable[tuple[str, ...]]:
    address, status, *_ = told
    if not status and not address:
        return ()
    columns = [_LIST.split(text) if " " in text else [text] for text in told]
    return (told,) if max(map(len, columns)) == 1 else tuple(zip_longest(*columns, fillvalue="-"))


def _attempt(row: Sequence[str], step: Step) -> Attempt:
    """Where there was no answer nginx notes 502 and 504: only the header's time tells."""
    address, status, connect, header, duration = row
    first_byte = None if step.error.startswith(_UNANSWERED) else optional_ms(header)
    return Attempt(
        provider=step.provider,
        model=step.model,
        error_type=step.error,
        waited_ms=step.waited_ms,
        address="" if address.startswith(_GUARD) else address,
        status=int(status) if first_byte is not None and status.isdigit() else 0,
        connect_ms=optional_ms(connect),
        first_byte_ms=first_byte,
        duration_ms=optional_ms(duration),
    )
