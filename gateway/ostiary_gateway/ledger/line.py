"""What a spool line means (ARCHITECTURE.md, "A spool line" and "How it ended")."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from ostiary_gateway.contract.record import Attempt, Ended, Record
from ostiary_gateway.ledger import tries
from ostiary_gateway.ledger.tries import Planned
from ostiary_gateway.usage import normalise

_MODEL_CHARS = 256
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
    a: str = ""
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
    """What nginx's collector saw. `last` None: it saw nothing. `end`: the last event, though the client did not wait for more."""

    last: bool | None = None
    stream: bool = False
    model: str | None = None
    usage: list[dict[str, Any]] = []
    chars: float | None = None
    end: bool = False


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
        readable = _unpadded(text)
        if readable == text:
            raise LineError(str(error)) from error
        return decode(readable)
    if line.v != 1:
        raise LineError(f"version {line.v} is not 1")
    return line


def _unpadded(text: bytes) -> bytes:
    """Two spellings of nginx that are no JSON: 000 is a status that was never set, 009 that of a client that left early."""
    return text.replace(b'"status":000,', b'"status":0,', 1).replace(b'"status":009,', b'"status":499,', 1)


def record(line: Line) -> Record:
    """Translate a line.

    Raises:
        LineError: a field of `s` is missing or no number where one must be.
    """
    try:
        (surface, key_id, key_version, key_name, namespace, owner, mask, provider, _type, requested, request_id,
         method, endpoint, start, _pid) = line.s.split("\t")  # fmt: skip
        started = float(start)
        plan = tries.planned(line.a)
        attempts = tries.attempts((line.addr, line.us, line.uc, line.uh, line.ur), provider, plan.steps)
    except ValueError as error:
        raise LineError("fields are missing or no numbers") from error
    reply = _reply(line.u)
    ended, error_type = _ending(line, attempts, reply, plan)
    usage, source = normalise(reply.usage, stream=reply.stream, complete=bool(reply.last) or reply.end, chars=reply.chars)
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
        provider=attempts[-1].provider if attempts else provider,
        requested_model=requested or None,
        resolved_model=plan.model or None,
        route=plan.route or None,
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
        first_byte_ms=None if plan.exhausted else _first_byte(line, attempts),
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


def _ending(line: Line, attempts: tuple[Attempt, ...], reply: Reply, plan: Planned) -> tuple[Ended, str | None]:
    whole = line.done == "OK" or reply.end  # the client stayed to the end of what there was to know
    answered = bool(attempts) and attempts[-1].first_byte_ms is not None
    unanswered = not answered and line.status in _GATEWAY_ERRORS
    if line.lost:
        return "worker_lost", "worker_lost"
    if plan.exhausted and whole:
        return "upstream_failed", "retry_exhausted"
    if unanswered:
        return "upstream_failed", "provider_timeout" if line.status == _TIMEOUT else "provider_unreachable"
    if not whole or (line.status == _CLIENT_CLOSED and not answered):
        return "client_closed", "client_closed"
    if answered and reply.last is False and not reply.end:
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
