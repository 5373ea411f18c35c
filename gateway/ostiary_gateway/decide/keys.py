"""Keys by hash, from the shards of the allow-list."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from ostiary_gateway.contract import allowlist, bundle
from ostiary_gateway.contract.decision import Identity

_PREFIX, _SUFFIX = bundle.ALLOWLIST.split("{:03d}")


class Key(msgspec.Struct, frozen=True, gc=False):
    """`expires_ms` is Unix milliseconds, 0 is never."""

    identity: Identity
    state: str
    models: tuple[str, ...]
    expires_ms: int


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
    return {entry.sha256: _key(entry) for entry in allowlist.read(text)}


def _key(entry: allowlist.Entry) -> Key:
    identity = Identity(
        key_id=entry.id,
        key_version=entry.version,
        name=entry.name,
        namespace=entry.namespace,
        owner=entry.owner,
    )
    return Key(identity, entry.state, entry.models, _milliseconds(entry))


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
