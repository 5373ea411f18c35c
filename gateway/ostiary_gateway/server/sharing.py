"""Replicas of a gateway tell each other, through Valkey, which backends fail; no request waits for it.

A block or an opening is a key that lives as long as it counts, for replicas that come later, and a message for those there are.
While Valkey is away each replica goes on with what it sees itself; when it is back, both sides are told what they missed.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry

from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.server.clock import now_ms
from ostiary_gateway.server.news import News, World
from ostiary_gateway.server.reported import Change, Opening, Reported
from ostiary_gateway.server.valkey_client import client_of, listen, stay_connected
from ostiary_gateway.telemetry.sharing import SharingNumbers

_ALIVE_SECONDS = 1.0
_PAUSE = 0.2
_BATCH = 500

log = logging.getLogger(__name__)

Tell = Callable[[Change], Awaitable[None]]


class Message(msgspec.Struct, frozen=True):
    """What goes over the channel; `origin` is the replica that says it."""

    origin: str
    news: News


_message = msgspec.json.Decoder(Message)
_encode = msgspec.json.Encoder().encode


class Sharing:
    """`problem` says why replicas do not hear of each other; empty is fine, and where it is off."""

    def __init__(self, settings: Settings, tell: Tell, registry: CollectorRegistry) -> None:
        """Raises SettingsError where the URL is none."""
        self._url = settings.valkey_url
        self._settings = settings
        self._tell = tell
        self._origin = uuid.uuid4().hex
        self._prefix = f"ostiary:{settings.namespace}:{settings.bundle}:"
        self._world = World()
        self._last: Reported | None = None
        self._outbox: list[News] = []
        self._something = asyncio.Event()
        self._is_connected = False
        self.problem = ""
        if self._url:
            client_of(settings)
            self._numbers = SharingNumbers(registry)
            self.problem = "Valkey: not connected yet"

    def observe(self, reported: Reported) -> None:
        """Hear what nginx says here. Returns at once."""
        if self._url:
            self._last = reported
            self._post(self._world.observe(reported))

    def reset(self, targets: tuple[str, ...]) -> None:
        """Let the other replicas close these breakers too. Returns at once."""
        if self._url:
            self._post(self._world.reset(targets))

    async def run(self) -> None:
        """Share, until cancelled; ends at once where it is off."""
        if self._url:
            await stay_connected(self._settings, self._share, down=self._down, ended=self._ended, pause=_PAUSE)

    async def _share(self, client: Any) -> None:
        """Until the connection breaks. Listening begins before the keys are read, so nothing falls between."""
        async with client.pubsub(ignore_subscribe_messages=True) as inbox:
            await inbox.subscribe(self._prefix + "news")
            self._world.forget()
            self._outbox.clear()
            self._is_connected = True
            await self._catch_up(client)
            self._up()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(listen(inbox, _message, self._heard, _ALIVE_SECONDS))
                tasks.create_task(self._speak(client))

    async def _catch_up(self, client: Any) -> None:
        """What the others left for those who come later; and what of it is no longer true."""
        async for found in self._kept(client):
            self._correct(found)
            await self._pass_on(found)
        if self._last:
            self._post(self._world.observe(self._last))

    def _correct(self, news: News) -> None:
        """Somebody who was away may tell an opening that has ended since; and Valkey would keep it for those who come later."""
        if outdated := self._world.outdated(news):
            self._post(News(closed=outdated))

    async def _kept(self, client: Any) -> AsyncIterator[News]:
        keys = [key async for key in client.scan_iter(match=self._prefix + "[bo]:*", count=_BATCH)]
        for start in range(0, len(keys), _BATCH):
            some = keys[start : start + _BATCH]
            yield self._read(zip(some, await client.mget(some), strict=True))

    def _read(self, pairs: Any) -> News:
        news = News()
        for key, value in pairs:
            kind, _, name = key.decode(errors="replace").removeprefix(self._prefix).partition(":")
            number, _, rest = (value or b"").decode(errors="replace").partition("\t")
            with contextlib.suppress(ValueError):  # gone since, or not ours
                if kind == "b":
                    news.blocks[name] = (int(number), rest)
                else:
                    news.opened[name] = Opening(int(number), int(rest))
        return news

    async def _heard(self, message: Message) -> None:
        if message.origin != self._origin:
            self._numbers.heard.inc()
            self._correct(message.news)
            await self._pass_on(message.news)

    async def _pass_on(self, news: News) -> None:
        change = self._world.hear(news, now_ms())
        await self._tell(change)
        self._world.told(change)

    async def _speak(self, client: Any) -> None:
        """Say what is new as soon as it is; the ping finds a connection that is dead without saying so."""
        while True:
            try:
                async with asyncio.timeout(_ALIVE_SECONDS):
                    await self._something.wait()
            except TimeoutError:
                await client.ping()
            self._something.clear()
            while self._outbox:
                await self._say(client, self._outbox[0])
                self._outbox.pop(0)
                self._numbers.told.inc()

    async def _say(self, client: Any, news: News) -> None:
        now = now_ms()
        async with client.pipeline(transaction=False) as together:
            for scope, (until, why) in news.blocks.items():
                if until > now:
                    together.set(f"{self._prefix}b:{scope}", f"{until}\t{why}", px=until - now)
            for target, opening in news.opened.items():
                if (left := opening.ends - now) > 0:
                    together.set(f"{self._prefix}o:{target}", f"{opening.opened_at}\t{opening.open_ms}", px=left)
            for target in (*news.closed, *news.reset):
                together.delete(f"{self._prefix}o:{target}")
            together.publish(self._prefix + "news", _encode(Message(self._origin, news)))
            await together.execute()

    def _post(self, news: News) -> None:
        """While Valkey is away nothing is kept: the state itself is told again when it is back."""
        if news and self._is_connected:
            self._outbox.append(news)
            self._something.set()

    def _ended(self) -> None:
        self._is_connected = False

    def _up(self) -> None:
        log.info("replicas share what they know of backends")
        self.problem = ""
        self._numbers.up.set(1)

    def _down(self, reason: str) -> None:
        problem = f"Valkey: {reason}"
        if problem != self.problem:
            log.warning("Valkey is away, this replica goes on alone: %s", reason)
        self.problem = problem
        self._numbers.up.set(0)
