"""A gateway whose keys are limited, before a mock provider, and clients that come all at once."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from tests.support.client import Reply, call
from tests.support.gateway import Gateway, unix_get
from tests.support.manifests import Manifest, api_key, provider
from tests.support.queued_provider import QueuedProvider

CHAT, MESSAGES, OPEN = "/v1/chat/completions", "/v1/messages", "/openai/v1/chat/completions"
MODEL = "openai/gpt-4o-mini"
SLOTS = "c"


def key_of(name: str) -> str:
    return f"sk-limited-{name}"


def limited(name: str, limits: Mapping[str, object] | None = None, **spec: object) -> Manifest:
    """An ApiKey whose key is `key_of(name)`."""
    return api_key(name, key_of(name), **({"limits": limits} if limits else {}), **spec)


@dataclass(frozen=True)
class Limited:
    gateway: Gateway
    mock: QueuedProvider

    def ask(self, name: str, path: str = CHAT, body: Mapping[str, object] | None = None, **headers: str) -> Reply:
        """One request with the key of this name."""
        given = {"model": MODEL if path != OPEN else "gpt-4o-mini", "messages": _HELLO, "max_tokens": 16} | dict(body or {})
        return call(self.gateway.base_url, path, given, key=key_of(name), headers={"x-request-id": uuid4().hex, **headers})

    def statuses(self, name: str, count: int, path: str = CHAT, body: Mapping[str, object] | None = None) -> list[int]:
        """Of so many requests at the same time, each on a connection of its own."""
        given = {"model": MODEL, "messages": _HELLO, "max_tokens": 16} | dict(body or {})
        return asyncio.run(_burst(self.gateway.base_url + path, key_of(name), json.dumps(given), count))

    def purses(self) -> dict[str, list[int]]:
        answer = json.loads(unix_get(self.gateway.run / "control.sock", "/purses"))
        return dict(answer["purses"])

    def out(self, letter: str = SLOTS) -> int:
        """Units that requests hold at the moment, in purses of this letter."""
        return sum(granted - back - left for name, (left, granted, back) in self.purses().items() if name[0] == letter)


_HELLO = [{"role": "user", "content": "hello"}]


async def _burst(url: str, key: str, body: str, count: int) -> list[int]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def one() -> int:
            async with session.post(url, data=body) as reply:
                await reply.read()
                return reply.status

        return list(await asyncio.gather(*(one() for _ in range(count))))


@contextmanager
def open_limited(
    folder: Path, keys: Sequence[Manifest], *more: Manifest, kind: type[Gateway] = Gateway, **settings: Any
) -> Iterator[Limited]:
    """The gateway and its mock, until the end of the block; then no slot may be out."""
    with QueuedProvider() as mock:
        gateway = kind(folder, **{"workers": 4, **settings})
        try:
            gateway.start(provider("openai", mock.url, credential="sk-upstream"), keys, more)
            bed = Limited(gateway, mock)
            yield bed
            gateway.idle()
            assert bed.out() == 0
        finally:
            gateway.drop()
