"""What a spool line means (ARCHITECTURE.md, "A spool line" and "How it ended")."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import msgspec

from ostiary_gateway.contract.record import Attempt, Ended, Record
from ostiary_gateway.usage import normalise

_MODEL_CHARS = 256
_LIST = re.compile(r" : |, ")  # nginx joins tries by a comma, internal redirects by a colon
_CLIENT_CLOSED = 499
_TIMEOUT = 504
_CLIENT_ERRORS = range(400, 500)
_GATEWAY_ERRORS = (502, 503, _TIMEOUT)


class LineError(ValueError):
    """Not a spool line of this version."""


class Line(msgspec.Struct, frozen=True):
    """One line as nginx wrote it; times in seconds."""

    v: int
    id: str
    s: str
    t: float
    status: int = 0
    rt: float = 0.0
    sent_in: int = msgspec.field(default=0, name="in")
    sent_out: int = msgspec.field(default=0, name="out")
    addr: str = ""
    us: str = ""
    uc: str = ""
    uh: str = ""
    ur: str = ""
    done: str = ""
    u: str = ""
    lost: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """Epoch and number of the id.

        Raises:
            LineError: it is no such id.
        """
        epoch, _, number = self.id.rpartition("-")
        if not epoch or not (number.isascii() and number.isdigit()):
            raise LineError("id is not <epoch>-<n>")
        return epoch, int(number)


class Reply(msgspec.Struct, frozen=True):
    """What nginx's collector saw. `last` None: it saw nothing."""

    last: bool | None = None
    stream: bool = False
    model: str | None = None
    usage: list[dict[str, Any]] = []
    chars: float | None = None


_LINE = msgspec.json.Decoder(Line)
_REPLY = msgspec.json.Decoder(Reply)
_NOTHING = Reply()


def decode(text: bytes) -> Line:
    """Read one line.

    Raises:
        LineError: torn, or of another version.
    """
    if not text.endswith(b"\n"):
        raise LineError("the line was not finished")
    try:
        line = _LINE.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        zero = text.replace(b'"status":000,', b'"status":0,', 1)  # nginx pads a status that was never set
        if zero == text:
            raise LineError(str(error)) from error
        return decode(zero)
    if line.v != 1:
        raise LineError(f"version {line.v} is not 1")
    return line


def record(line: Line) -> Record:
    """Translate a line.

    Raises:
        LineError: a field of `s` is missing or no number where one must be.
    """
    try:
        (surface, key_id, key_version, key_name, namespace, owner, mask, provider, _type, requested, request_id,
         method, endpoint, start, _pid) = line.s.split("\t")  # fmt: skip
        started = float(start)
        attempts = _attempts(line, provider)
    except ValueError as error:
        raise LineError("fields are missing or no numbers") from error
    reply = _reply(line.u)
    ended, error_type = _ending(line, attempts, reply)
    usage, source = normalise(reply.usage, stream=reply.stream, complete=bool(reply.last), chars=reply.chars)
    return Record(
        id=line.id,
        request_id=request_id,
        timestamp=stamp(round(line.t * 1000)),
        key_id=key_id,
        key_version=key_version,
        key_name=key_name,
        namespace=namespace,
        owner=owner,
        masked_key=mask,
        surface=surface,
        method=method,
        endpoint=endpoint,
        provider=provider,
        requested_model=requested or None,
        model=reply.model[:_MODEL_CHARS] if reply.model else None,
        status=line.status,
        ended=ended,
        error_type=error_type,
        stream=reply.stream,
        usage_source=source,
        usage=usage,
        attempts=attempts,
        request_bytes=line.sent_in,
        response_bytes=line.sent_out,
        duration_ms=max(0.0, line.t * 1000 - started) if line.lost else _ms(line.rt),
        first_byte_ms=_first_byte(line, attempts),
    )


def stamp(unix_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    seconds, ms = divmod(unix_ms, 1000)
    return f"{_second(seconds)}.{ms:03d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _reply(text: str) -> Reply:
    try:
        return _REPLY.decode(text) if text else _NOTHING
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _NOTHING


def _attempts(line: Line, provider: str) -> tuple[Attempt, ...]:
    """One for each try; nginx notes 502 and 504 where there was no answer, only the header's time tells."""
    if not line.us and not line.addr:
        return ()
    told = (line.addr, line.us, line.uc, line.uh, line.ur)
    columns = [_LIST.split(text) if " " in text else [text] for text in told]
    longest = max(map(len, columns))
    rows = (told,) if longest == 1 else zip_longest(*columns, fillvalue="-")
    return tuple(
        Attempt(
            provider=provider,
            address=address,
            status=int(status) if (first_byte := _optional_ms(header)) is not None and status.isdigit() else 0,
            connect_ms=_optional_ms(connect),
            first_byte_ms=first_byte,
            duration_ms=_optional_ms(duration),
        )
        for address, status, connect, header, duration in rows
    )


def _ending(line: Line, attempts: tuple[Attempt, ...], reply: Reply) -> tuple[Ended, str | None]:
    whole = line.done == "OK"  # the client stayed to the end of what nginx had for it
    answered = bool(attempts) and attempts[-1].first_byte_ms is not None
    if line.lost:
        return "worker_lost", "worker_lost"
    if line.status == _CLIENT_CLOSED and not (answered and whole):
        return "client_closed", "client_closed"
    if not answered and line.status in _GATEWAY_ERRORS:
        return "upstream_failed", "provider_timeout" if line.status == _TIMEOUT else "provider_unreachable"
    if not whole:
        return "client_closed", "client_closed"
    if answered and reply.last is False:
        return "upstream_failed", "provider_broken"
    return "completed", _refusal(line.status) if answered else "gateway_error"


def _refusal(status: int) -> str | None:
    if status in _CLIENT_ERRORS:
        return "provider_rejected"
    return "provider_error" if status >= _CLIENT_ERRORS.stop else None


def _first_byte(line: Line, attempts: tuple[Attempt, ...]) -> float | None:
    """From the start of the request to the answer's head: the whole time without what the last try took after it."""
    if not attempts or attempts[-1].first_byte_ms is None:
        return None
    last = attempts[-1].first_byte_ms
    return max(last, _ms(line.rt) - (attempts[-1].duration_ms or last) + last)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _optional_ms(text: str) -> float | None:
    return _ms(float(text)) if text not in {"-", ""} else None
