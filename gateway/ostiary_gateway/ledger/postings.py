"""Money that is given or taken without a request: credits, grants, refunds, adjustments."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from ostiary_gateway.contract.record import Posting, PostingKind
from ostiary_gateway.pricing import EXACT, plain

_ACCOUNTS = ("key/", "budget/")
_DIGITS, _PLACES = 15, 18  # before and after the point
_MOST_TEXT = 1000


class PostingError(ValueError):
    """A field of it cannot be so; told in words."""


def new(kind: PostingKind, account: str, amount: str, *, reason: str, actor: str, now: datetime | None = None) -> Posting:
    """A posting with an id of its own. A positive amount gives; only an adjustment may take.

    Raises:
        PostingError: a field cannot be so.
    """
    if not account.startswith(_ACCOUNTS) or not account.partition("/")[2].isprintable() or not account.partition("/")[2]:
        raise PostingError("account is key/<key id> or budget/<namespace>/<name>")
    value = _amount(amount)
    if value < 0 and kind != "adjustment":
        raise PostingError(f"a {kind} gives: its amount is positive")
    for name, text in (("reason", reason), ("actor", actor)):
        if not text.strip() or len(text) > _MOST_TEXT or not text.isprintable():
            raise PostingError(f"{name} must be said in one line of {_MOST_TEXT} characters at most")
    at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Posting(kind=kind, id=uuid.uuid4().hex, timestamp=at, account=account, amount=plain(value), reason=reason, actor=actor)


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise PostingError(f"amount {text!r} is no decimal number") from None
    if not value.is_finite() or not value or abs(value) >= EXACT.scaleb(Decimal(1), _DIGITS):
        raise PostingError(f"amount {text!r} is nothing, or too much")
    if EXACT.quantize(value, Decimal(1).scaleb(-_PLACES)) != value:
        raise PostingError(f"amount {text!r} has more than {_PLACES} decimals")
    return value
