"""What a request costs and who pays for it."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import msgspec

from ostiary_gateway.contract.record import Ended, Record, Usage
from ostiary_gateway.pricing import Rates, plain

_SERVER_ERRORS = 500
_CLIENT_ERRORS = 400
_UNANSWERED = frozenset({"provider_timeout", "provider_unreachable", "retry_exhausted"})
_BATCHES = ("/batches", ":batchGenerateContent")
_DIGEST_BYTES = 16


class Where(NamedTuple):
    """Where a request went, as far as its price is concerned; what is not known is empty.

    `name` is the Model that it was resolved to, else what the client asked for; `sent` the provider model that was sent,
    `told` the one that the reply names.
    """

    surface: str
    provider: str
    provider_type: str
    name: str
    sent: str
    told: str
    endpoint: str


class Payer(NamedTuple):
    """`budgets` are accounts beside the key's own. `rates` None: no price is known."""

    labels: Mapping[str, str] = {}
    budgets: tuple[str, ...] = ()
    rates: Rates | None = None


class Accounting(Protocol):
    """Prices and terms of one moment; one is used for a whole batch. Asked in the ledger's thread."""

    def payer(self, key_id: str, where: Where) -> Payer: ...


class Unpriced:
    """Where there are no prices and no terms."""

    def payer(self, key_id: str, where: Where) -> Payer:  # noqa: ARG002 - the same for all
        return _UNPRICED


_UNPRICED = Payer()


class Owed(Protocol):
    """What of a record decides whether it is charged."""

    @property
    def status(self) -> int: ...
    @property
    def ended(self) -> Ended: ...
    @property
    def error_type(self) -> str | None: ...
    @property
    def stream(self) -> bool: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def duplicate_of(self) -> str | None: ...


class Bill(NamedTuple):
    """`cost` is what the provider takes, `charged` what the accounts pay; None where no price is known."""

    cost: str | None
    charged: str | None
    source: str | None
    version: str | None


def bill(rates: Rates | None, usage: Usage, at_ms: int, endpoint: str, *, free: bool) -> Bill:
    """Args: free: nothing is charged, whatever it cost (GZ-10); without a count of tokens it cost nothing either."""
    if rates is None:
        return _FREE if free else _UNKNOWN
    if free and usage.input_tokens is None and usage.output_tokens is None:
        return Bill("0", "0", rates.source, rates.version or None)
    batch = _BATCHES[0] in endpoint or _BATCHES[1] in endpoint
    cost = plain(rates.cost(usage, at_ms=at_ms, batch=batch))
    return Bill(cost, "0" if free else cost, rates.source, rates.version or None)


_FREE = Bill(None, "0", None, None)
_UNKNOWN = Bill(None, None, None, None)


def is_forgiven(status: int, ended: Ended, error_type: str | None, usage: Usage, *, stream: bool) -> bool:
    """GZ-10: a provider's 5xx or silence, a stream without a word in it and a worker of ours that died are not charged.

    A client that left is.
    """
    if status >= _SERVER_ERRORS or error_type in _UNANSWERED or ended == "worker_lost":
        return True
    return stream and status < _CLIENT_ERRORS and ended != "client_closed" and not usage.output_tokens


def is_refused(status: int, usage: Usage) -> bool:
    """A provider's 4xx that tells no usage costs nothing, not even where each request has a price."""
    return _CLIENT_ERRORS <= status < _SERVER_ERRORS and usage.input_tokens is None and usage.output_tokens is None


def counts_tokens(duplicate_of: str | None, *, free: bool) -> bool:
    """Whether the tokens of a request count for budgets of tokens."""
    return not free and duplicate_of is None


def fingerprint(key_id: str, idempotency_key: str, endpoint: str, requested_model: str | None, request_bytes: int) -> bytes:
    """By what a request is known again when a client repeats it (GZ-08)."""
    text = "\t".join((key_id, idempotency_key, endpoint, requested_model or "", str(request_bytes)))
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()


def is_owed(record: Owed) -> bool:
    """Whether a request counts, so that the same once more would count twice: money, or tokens where no price is known."""
    usage = record.usage
    if is_forgiven(record.status, record.ended, record.error_type, usage, stream=record.stream):
        return False
    return not is_refused(record.status, usage) and record.duplicate_of is None


def charged(record: Record, accounting: Accounting, at_ms: int) -> Record:
    """A record that did not come through nginx, with what it cost and who pays."""
    where = Where(record.surface, record.provider, "", record.requested_model or "", "", record.model or "", record.endpoint)
    usage = record.usage
    free = is_forgiven(record.status, record.ended, record.error_type, usage, stream=record.stream)
    free = free or is_refused(record.status, usage)
    payer = accounting.payer(record.key_id, where)
    told = bill(payer.rates, usage, at_ms, record.endpoint, free=free)
    return msgspec.structs.replace(
        record,
        labels=dict(payer.labels),
        budgets=payer.budgets,
        cost=told.cost,
        charged=told.charged,
        price_source=told.source,
        price_version=told.version,
    )
