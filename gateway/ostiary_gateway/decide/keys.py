"""Keys by hash: from the shards of the allow-list, or from a source that is asked for each."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Protocol

import msgspec

from ostiary_gateway.contract import allowlist, bundle
from ostiary_gateway.contract.decision import Identity
from ostiary_gateway.contract.limits import UNLIMITED, Terms

_PREFIX, _SUFFIX = bundle.ALLOWLIST.split("{:03d}")


class Key(msgspec.Struct, frozen=True, gc=False):
    """`expires_ms` is Unix milliseconds, 0 is never. `volatile`: it may be taken away without a new bundle."""

    identity: Identity
    state: str
    models: tuple[str, ...]
    expires_ms: int
    terms: Terms = UNLIMITED
    volatile: bool = False


class KeySource(Protocol):
    """Where keys are that no bundle holds, however many. Asked on the event loop: an answer takes microseconds."""

    def find(self, sha256: str) -> Key | None:
        """The key whose value has this SHA-256, as 64 hex digits; None where there is none."""
        ...

    def named(self, key_id: str) -> Key | None:
        """Any value of the key with this id."""
        ...


Shard = Mapping[str, Key]
"""Keys by the SHA-256 of their value as hex digits."""


def shard_names(files: Iterable[str]) -> list[str]:
    """The allow-list's files in the order in which their rows count."""
    return sorted(name for name in files if name.startswith(_PREFIX) and name.endswith(_SUFFIX))


def parse(text: str) -> Shard:
    """One shard; of rows with the same key the last one wins (LM-19).

    Raises:
        AllowListError: a column is missing, a row is no key, or `expires` is no time.
    """
    return {entry.sha256: key_of(entry) for entry in allowlist.read(text)}


def key_of(entry: allowlist.Entry, *, volatile: bool = False) -> Key:
    """A row as a key.

    Raises:
        AllowListError: `expires` is no time, or `terms` are none.
    """
    identity = Identity(
        key_id=entry.id,
        key_version=entry.version,
        name=entry.name,
        namespace=entry.namespace,
        owner=entry.owner,
    )
    return Key(identity, entry.state, entry.models, _milliseconds(entry), _terms(entry), volatile)


def _terms(entry: allowlist.Entry) -> Terms:
    try:
        return _decode_terms(entry.terms) if entry.terms else UNLIMITED
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise allowlist.AllowListError(f"key {entry.id}: terms: {error}") from error


@lru_cache(maxsize=4096)
def _decode_terms(text: str) -> Terms:
    """Many keys have the same terms, and hold them once."""
    return msgspec.json.decode(text, type=Terms)


def _milliseconds(entry: allowlist.Entry) -> int:
    if not entry.expires:
        return 0
    try:
        at = datetime.fromisoformat(entry.expires)
    except ValueError as error:
        raise allowlist.AllowListError(f"key {entry.id}: expires: {error}") from error
    if at.tzinfo is None:
        raise allowlist.AllowListError(f"key {entry.id}: expires has no time zone")
    return int(at.timestamp() * 1000)
