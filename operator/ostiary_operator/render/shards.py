"""The allow-list in shards, each far below what one object of the API server may hold (1 MiB).

A key's shard depends on its hash and on the number of shards only, so that one changed key touches one shard.
"""

from collections.abc import Iterable, Sequence

from ostiary_gateway.contract import allowlist
from ostiary_gateway.contract.allowlist import Entry

KEYS_PER_SHARD = 1024
LARGEST = 768 * 1024  # bytes
_MOST_SHARDS = 512
_HASH_BITS = 32


def shards(entries: Sequence[Entry]) -> list[str]:
    """CSV texts; their number is a power of two that grows with the keys, and at least 1."""
    count = _count_for(len(entries))
    while True:
        texts = _split(entries, count)
        if count >= _MOST_SHARDS or max(len(text.encode()) for text in texts) <= LARGEST:
            return texts
        count *= 2


def _count_for(keys: int) -> int:
    wanted = -(-keys // KEYS_PER_SHARD)
    return min(_MOST_SHARDS, 1 << max(0, wanted - 1).bit_length())


def _split(entries: Iterable[Entry], count: int) -> list[str]:
    parts: list[list[Entry]] = [[] for _ in range(count)]
    for entry in sorted(entries, key=lambda each: each.sha256):
        parts[shard_of(entry.sha256, count)].append(entry)
    return [allowlist.write(part) for part in parts]


def shard_of(sha256: str, count: int) -> int:
    """Which of `count` shards a key is in: the first bits of its hash."""
    return int(sha256[: _HASH_BITS // 4], 16) * count >> _HASH_BITS
