"""Who of several weighted targets is next: by turn, by lot, or by what a request is bound to."""

import math
import struct
from collections.abc import Sequence

from ostiary_gateway.contract.decision import Target

_WORD = 0xFFFFFFFF


def turn_of(targets: Sequence[Target], pool: Sequence[int], turn: int) -> int:
    """Smooth weighted round robin without memory.

    In a round of sum(weights) / gcd turns a target of weight w has its turns at the times (2j + 1) / 2w of the round,
    j from 0; ties go by place. So each has exactly its share in every round, evenly spread. Weights are positive.
    """
    divisor = math.gcd(*(targets[i].weight for i in pool))
    weights = [targets[i].weight // divisor for i in pool]
    whole = sum(weights)
    turn %= whole
    # Everybody's turns up to a time at which no more than `turn` of them can be over, each half a turn early; then one by one.
    sure = max(0, 2 * turn - len(pool))
    counts = [(sure * weight + whole) // (2 * whole) for weight in weights]
    at = _earliest(counts, weights)
    for _ in range(turn - sum(counts)):
        counts[at] += 1
        at = _earliest(counts, weights)
    return pool[at]


def _earliest(counts: Sequence[int], weights: Sequence[int]) -> int:
    best = 0
    for at in range(1, len(weights)):
        if (2 * counts[at] + 1) * weights[best] < (2 * counts[best] + 1) * weights[at]:
            best = at
    return best


def lot(targets: Sequence[Target], pool: Sequence[int], random: float) -> int:
    """One drawn by weight; `random` is from 0 to 1."""
    left = random * sum(targets[i].weight for i in pool)
    for i in pool:
        left -= targets[i].weight
        if left < 0:
            return i
    return pool[-1]


def bound(targets: Sequence[Target], pool: Sequence[int], affinity: str) -> int:
    """Weighted rendezvous hashing (PL-28).

    Every replica finds the same target for an id, and when a target leaves, only the ids that were bound to it move.
    """
    return max(pool, key=lambda i: -targets[i].weight / math.log((_hash(f"{affinity}\n{targets[i].id}") + 0.5) / (_WORD + 1)))


def _hash(text: str) -> int:
    """FNV-1a over UTF-16 units, with murmur3's last step: cheap, spread well, no secret; as choose.js has it."""
    value = 2166136261
    for (unit,) in struct.iter_unpack("<H", text.encode("utf-16-le", "surrogatepass")):
        value = (value ^ unit) * 16777619 & _WORD
    value = (value ^ value >> 16) * 0x85EBCA6B & _WORD
    value = (value ^ value >> 13) * 0xC2B2AE35 & _WORD
    return value ^ value >> 16
