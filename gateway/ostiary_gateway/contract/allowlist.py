"""The allow-list: one CSV row per key that may call, hashes only.

LMGate's four columns come first (behaviour LM-16). `api_key` holds `sha256:<64 hex digits>`; a reader that is told to
may also take a plaintext key, which it hashes at once.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator

import msgspec

REQUIRED = ("id", "api_key", "owner", "added")
COLUMNS = (*REQUIRED, "name", "namespace", "uid", "version", "state", "models", "expires", "terms")
HASH_PREFIX = "sha256:"
_HEX_DIGITS = 64


class AllowListError(ValueError):
    """The text is not an allow-list: a column is missing or a row cannot be read."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One key that may call.

    `id` is what the ledger calls the key and stays the same through rotation; `version` tells the key's values apart
    ("1", "2", ...). `state` is `current`, `retiring` (replaced, still accepted until `expires`) or `disabled`.
    `models` are patterns over `<provider prefix>/<model>` with `*`; empty means all. `expires` is RFC 3339 UTC or empty.
    """

    id: str
    sha256: str  # 64 lower-case hex digits
    owner: str = ""
    added: str = ""
    name: str = ""
    namespace: str = ""
    uid: str = ""
    version: str = "1"
    state: str = "current"
    models: tuple[str, ...] = ()
    expires: str = ""
    terms: str = ""  # JSON of `limits.Terms`; empty is no limits


def hash_key(key: str) -> str:
    """SHA-256 of a key as 64 hex digits."""
    return hashlib.sha256(key.encode()).hexdigest()


def read(text: str, *, plaintext: bool = False) -> Iterator[Entry]:
    """Rows of one CSV file, in order; where a key occurs twice the caller lets the last row win (LM-19).

    Raises:
        AllowListError: a required column is missing, or a key is no hash and `plaintext` is not allowed.
    """
    rows = csv.DictReader(io.StringIO(text))
    missing = [column for column in REQUIRED if column not in (rows.fieldnames or ())]
    if missing:
        raise AllowListError(f"column {', '.join(missing)} is missing")
    for row in rows:
        yield _entry(row, rows.line_num, plaintext=plaintext)


def write(entries: Iterable[Entry]) -> str:
    """One CSV file with a header."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for e in entries:
        key = HASH_PREFIX + e.sha256
        table.writerow(
            (e.id, key, e.owner, e.added, e.name, e.namespace, e.uid, e.version, e.state, "|".join(e.models), e.expires, e.terms)
        )
    return out.getvalue()


def _entry(row: dict[str, str | None], line: int, *, plaintext: bool) -> Entry:
    value = row["api_key"] or ""
    if not row["id"] or not value or row["owner"] is None or row["added"] is None:
        raise AllowListError(f"line {line}: id or api_key is empty, or the row is too short")
    if value.startswith(HASH_PREFIX):
        digest = value.removeprefix(HASH_PREFIX)
        if len(digest) != _HEX_DIGITS or not set(digest) <= set("0123456789abcdef"):
            raise AllowListError(f"line {line}: api_key is not sha256:<64 hex digits>")
    elif plaintext:
        digest = hash_key(value)
    else:
        raise AllowListError(f"line {line}: api_key is not sha256:<64 hex digits>")
    models = row.get("models") or ""
    return Entry(
        id=row["id"],
        sha256=digest,
        owner=row["owner"],
        added=row["added"],
        name=row.get("name") or "",
        namespace=row.get("namespace") or "",
        uid=row.get("uid") or "",
        version=row.get("version") or "1",
        state=row.get("state") or "current",
        models=tuple(models.split("|")) if models else (),
        expires=row.get("expires") or "",
        terms=row.get("terms") or "",
    )
