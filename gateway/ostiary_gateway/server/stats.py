"""`POST /stats`: a record from outside, in the envelope that LMGate's nginx sends (behaviour 1.4)."""

import uuid
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from aiohttp import web

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_gateway.contract.record import Record
from ostiary_gateway.decide.caller import key_in
from ostiary_gateway.decide.index import Index
from ostiary_gateway.decide.keys import Key
from ostiary_gateway.server.ledger_port import LedgerPort
from ostiary_gateway.server.live import Live
from ostiary_gateway.telemetry.metrics import Metrics
from ostiary_gateway.usage import extract, normalise

UNKNOWN = "unknown"
_MASK = 6  # LM-23
_MAX_FIELD = 2048
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
Status = Annotated[int, msgspec.Meta(ge=0, le=999)]


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that are not here are ignored; one of another type makes the whole of it garbage."""

    status: Status
    timestamp: str = ""
    method: str = ""
    uri: str = ""
    host: str = ""
    auth_key_header: str = ""
    auth_x_api_key: str = ""
    lmgate_internal_id: str = ""
    response_body: str = ""


_envelope = msgspec.json.Decoder(Envelope)


class Stats:
    def __init__(self, live: Live, ledger: LedgerPort, metrics: Metrics) -> None:
        self._live = live
        self._ledger = ledger
        self._metrics = metrics

    async def take(self, request: web.Request) -> web.Response:
        """Always 200 `ok` (LM-22): the sender can do nothing about it, so what made no record is counted here."""
        record = await self._record(request)
        if record is None or not self._ledger.submit(record):
            self._metrics.stats_dropped.inc()
        return web.Response(text="ok")

    async def _record(self, request: web.Request) -> Record | None:
        try:
            envelope = _envelope.decode(await request.read())
        except (msgspec.DecodeError, UnicodeDecodeError, web.HTTPRequestEntityTooLarge):
            return None
        return record_of(envelope, self._live.index, datetime.now(UTC))


def record_of(envelope: Envelope, index: Index | None, now: datetime) -> Record:
    """The ledger record of one envelope. Its response body is read for numbers and dropped, its key kept as a mask."""
    secret = key_in(envelope.auth_key_header, envelope.auth_x_api_key)
    key = index.find(hash_key(secret)) if index and secret else None
    reply = extract(envelope.response_body.encode(errors="replace"), "")
    usage, source = normalise(reply.raws, stream=reply.stream, complete=True, chars=None)
    record_id = uuid.uuid4().hex
    return Record(
        id=record_id,
        request_id=record_id,
        timestamp=_rfc3339(envelope.timestamp, now),
        key_id=envelope.lmgate_internal_id[:_MAX_FIELD] or _key_id(key),
        key_version=key.identity.key_version if key else "1",
        key_name=key.identity.name if key else "",
        namespace=key.identity.namespace if key else "",
        owner=key.identity.owner if key else "",
        masked_key=secret[-_MASK:],
        surface="external",
        method=envelope.method[:_MAX_FIELD],
        endpoint=envelope.uri[:_MAX_FIELD],
        provider=_provider(envelope.host, index),
        model=reply.model,
        status=envelope.status,
        ended="completed",
        error_type=_error_type(envelope.status),
        stream=reply.stream,
        usage_source=source,
        usage=usage,
        response_bytes=len(envelope.response_body),
    )


def _key_id(key: Key | None) -> str:
    return key.identity.key_id if key else ""


def _provider(host: str, index: Index | None) -> str:
    """Exact match of the configured host."""
    providers = index.document.providers if index else ()
    wanted = host.lower()
    return next((provider.name for provider in providers if provider.host.lower() == wanted), UNKNOWN)


def _error_type(status: int) -> str | None:
    if status < _CLIENT_ERROR:
        return None
    return "provider_rejected" if status < _SERVER_ERROR else "provider_error"


def _rfc3339(text: str, now: datetime) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = now
    if at.tzinfo is None:
        at = now
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
