"""What a spool line means (ARCHITECTURE.md, "A spool line" and "How it ended")."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from ostiary_gateway.contract.record import Attempt, Ended, Record, Usage, UsageSource
from ostiary_gateway.ledger import charge, tries
from ostiary_gateway.ledger.charge import Accounting, Where
from ostiary_gateway.ledger.estimate import CHARACTERS, Text, estimated
from ostiary_gateway.ledger.tries import Planned
from ostiary_gateway.usage import normalise

_MODEL_CHARS = 256
_CLIENT_CLOSED = 499
_TIMEOUT = 504
_CLIENT_ERRORS = range(400, 500)
_GATEWAY_ERRORS = (502, 503, _TIMEOUT)
_OLD_FIELDS = 15  # of `s`, before requests had an idempotency key and held anything
_UNCOUNTED = '"count":true'
_DIGITS = 17


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

    @property
    def is_uncounted(self) -> bool:
        """Whether nginx keeps the texts of this request, because the provider told no usage."""
        return _UNCOUNTED in self.u


class Reply(msgspec.Struct, frozen=True):
    """What nginx's collector saw. `last` None: it saw nothing. `end`: the last event, though the client did not wait for more."""

    last: bool | None = None
    stream: bool = False
    model: str | None = None
    usage: list[dict[str, Any]] = []
    chars: float | None = None
    end: bool = False
    count: bool = False


_LINE = msgspec.json.Decoder(Line)
_REPLY = msgspec.json.Decoder(Reply)
_NOTHING = Reply()
_UNPRICED = charge.Unpriced()


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


def record(line: Line, accounting: Accounting = _UNPRICED, text: Text | None = None) -> Record:
    """Translate a line, with what it costs and who pays.

    Args:
        line: as nginx wrote it.
        accounting: prices and terms as they are now.
        text: what to count where the provider told no usage.

    Raises:
        LineError: a field of `s` is missing or no number where one must be.
    """
    try:
        (surface, key_id, key_version, key_name, namespace, owner, mask, provider, provider_type, requested, request_id,
         method, endpoint, start, idempotency, held, _pid) = _fields(line.s)  # fmt: skip
        started = float(start)
        plan = tries.planned(line.a)
        attempts = tries.attempts((line.addr, line.us, line.uc, line.uh, line.ur), provider, plan.steps)
    except ValueError as error:
        raise LineError("fields are missing or no numbers") from error
    reply = _reply(line.u)
    ended, error_type = _ending(line, attempts, reply, plan)
    told = reply.model[:_MODEL_CHARS] if reply.model else None
    if attempts:
        provider = attempts[-1].provider
    sent = attempts[-1].model if attempts else ""
    refused = line.status >= _CLIENT_ERRORS.start and line.status != _CLIENT_CLOSED
    usage, source, tokenizer = _usage(reply, None if refused or line.lost else text, told or sent or requested)
    free = charge.is_forgiven(line.status, ended, error_type, usage, stream=reply.stream) or charge.is_refused(line.status, usage)
    step_type = plan.steps[-1].provider_type if plan.steps else provider_type
    where = Where(surface, provider, step_type, plan.model or requested, sent, told or "", endpoint)
    payer = accounting.payer(key_id, where)
    bill = charge.bill(payer.rates, usage, int(started), endpoint, free=free)
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
        resolved_model=plan.model or None,
        route=plan.route or None,
        model=told,
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
        labels=dict(payer.labels),
        budgets=payer.budgets,
        cost=bill.cost,
        charged=bill.charged,
        price_source=bill.source,
        price_version=bill.version,
        idempotency_key=idempotency or None,
        tokenizer=tokenizer,
        held=_held(held),
    )


def _fields(text: str) -> list[str]:
    fields = text.split("\t")
    return [*fields[:-1], "", "", fields[-1]] if len(fields) == _OLD_FIELDS else fields


def _held(text: str) -> dict[str, int]:
    """`<purse key>=<amount>,...`; an entry that cannot be read is left out: what it held stays held, never the other way."""
    pairs = (entry.partition("=") for entry in text.split(",")) if text else ()
    return {purse: int(amount) for purse, _, amount in pairs if purse and amount.isdecimal() and len(amount) < _DIGITS}


def _usage(reply: Reply, text: Text | None, model: str) -> tuple[Usage, UsageSource, str | None]:
    usage, source = normalise(
        reply.usage, stream=reply.stream, complete=bool(reply.last) or reply.end, chars=None if text else reply.chars
    )
    if text and source != "provider":
        return estimated(usage, source, text, model)
    return usage, source, CHARACTERS if source == "estimated" else None


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
    return "completed", _refusal(line.status, attempts[-1].error_type) if answered else "gateway_error"


def _refusal(status: int, step: str) -> str | None:
    if step in tries.OWN:
        return step
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
