"""The books of all accounts in Valkey, as one replica sees and writes them: two scripts and a channel."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ostiary_gateway.limits.claims import Answer, Ask, Late, expiry_ms

_ASK = Path(__file__).with_name("claims.lua").read_text(encoding="utf-8")
_BEAT = Path(__file__).with_name("beats.lua").read_text(encoding="utf-8")
_EXACT_BITS = 52
"""Lua counts in doubles; what is larger is kept in units of a power of two."""


@dataclass(frozen=True, slots=True)
class Word:
    """An ask about the account with this name in this period (empty: for ever)."""

    account: str
    period: str
    ask: Ask


class Cry(msgspec.Struct, frozen=True):
    """What goes over the channel. `is_given`: the answer to a cry: `origin` has given back what it could."""

    origin: str
    account: str
    period: str
    limit: int
    is_given: bool = False


class ClaimsBook:
    """`prefix` begins every name in Valkey; `expected` replicas are waited for where Valkey may have forgotten."""

    def __init__(self, client: Any, prefix: str, replica: str) -> None:
        self._client = client
        self._prefix = prefix
        self._replica = replica
        self._server = ""
        self._scripts = ("", "")
        self.channel = prefix + "claims"

    async def open(self) -> None:
        """Once per connection."""
        self._server = (await self._client.info("server")).get("run_id", "")
        self._scripts = (await self._client.script_load(_ASK), await self._client.script_load(_BEAT))

    async def beat(self, *, has_told_all: bool) -> int:
        """Say that this replica lives; returns when (Unix ms) Valkey began to know what it knows."""
        keys = (self._prefix + "beats", self._prefix + "arrived")
        born = await self._client.evalsha(self._scripts[1], 2, *keys, self._replica, self._server, int(has_told_all), 0)
        return int(born)

    async def ask(self, words: Sequence[Word], expected: int) -> list[Answer | Late]:
        """Say these words, in one go, and hear what is answered to each."""
        async with self._client.pipeline(transaction=False) as together:
            for word in words:
                together.evalsha(self._scripts[0], 3, *self._said(word, expected))
            replies = await together.execute()
        return [_heard(word.ask, reply) for word, reply in zip(words, replies, strict=True)]

    async def publish(self, cries: Sequence[Cry]) -> list[int]:
        """Tell all replicas; returns how many heard each cry, this one included."""
        async with self._client.pipeline(transaction=False) as together:
            for cry in cries:
                together.publish(self.channel, msgspec.json.encode(cry))
            return list(await together.execute())

    def _said(self, word: Word, expected: int) -> tuple[str | int, ...]:
        ask, unit = word.ask, _unit(word.ask.limit)
        named = f"{word.account}@{word.period}" if word.period else word.account
        book = f"{self._prefix}claims:{named}" + (f"*{unit}" if unit > 1 else "")
        amounts = (ask.limit // unit, _up(ask.mine, unit), _up(ask.used, unit), _up(ask.wanted, unit))
        keys = (book, self._prefix + "beats", self._prefix + "arrived")
        rest = (int(ask.with_more), ask.lasting_ms, expiry_ms(word.account), expected, 0, ask.settled // unit)
        return (*keys, ask.replica, ask.sequence, *amounts, *rest)


def _unit(limit: int) -> int:
    return 1 << max(0, limit.bit_length() - _EXACT_BITS)


def _up(amount: int, unit: int) -> int:
    """In these units, rounded up, AS_TOLD as it is."""
    return amount if amount < 0 else -(-amount // unit)


def _heard(ask: Ask, reply: Sequence[Any]) -> Answer | Late:
    if len(reply) == 2:  # noqa: PLR2004  the script says which
        return Late(int(reply[1]))
    unit = _unit(ask.limit)
    allowance, others, used, settled = (int(reply[field]) * unit for field in (0, 1, 4, 5))
    return Answer(allowance, others, int(reply[2]), used, bool(reply[3]), settled)
