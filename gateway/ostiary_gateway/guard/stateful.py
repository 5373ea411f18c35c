"""Conversations: what came before is put into a request, and its answer is kept before anyone has the end of it (PL-32)."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from ostiary_gateway.responses import answer, history
from ostiary_gateway.responses.answer import Turn as Said
from ostiary_gateway.responses.history import Asked, RequestError
from ostiary_gateway.responses.store import Kept, Store, StoreError, TooLargeError, is_id

_DAY = 86_400
_STORE_SECONDS = 6.0  # a store sets itself shorter limits
_SWEEP_SECONDS = 600.0
_COMPLAINT_SECONDS = 60.0

log = logging.getLogger(__name__)

Told = TypeVar("Told")


class RefusedError(Exception):
    """A request that goes to no provider. `code` is a word of the API's, or the status."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code or status


class Turn(NamedTuple):
    """One request of a conversation: `body` is for the provider, the client's own where nothing was before."""

    owner: str
    maker: str
    asked: Asked | None
    before: Sequence[Kept]
    body: bytes

    @property
    def is_kept(self) -> bool:
        return self.asked is not None and self.asked.kept


class Conversations:
    """Over a store. `most` is the size of the largest body that may be sent and of the largest answer that is kept, in bytes."""

    def __init__(self, store: Store, days: int, most: int, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._life = days * _DAY
        self.most = most
        self._clock = clock
        self._threads = ThreadPoolExecutor(store.threads, thread_name_prefix="responses")
        self._complained = -_COMPLAINT_SECONDS

    async def begin(self, owner: str, maker: str, body: bytes) -> Turn:
        """Put what was before into a request that goes to `maker` (see Kept).

        Raises:
            RefusedError: it goes on from something that is not there, or cannot be read now.
        """
        try:
            asked = history.read(body)
        except RequestError as error:
            raise RefusedError(400, str(error), error.param) from None
        if asked is None:
            return Turn(owner, maker, None, (), body)
        before = await self._before(owner, asked.previous) if asked.previous else ()
        items = history.items_with(asked, (_said(kept, maker) for kept in before))
        told = await self._resolved(owner, maker, items)
        if not before and told == items:
            return Turn(owner, maker, asked, (), body)
        merged = history.merged(asked, told)
        if len(merged) > self.most:
            raise _too_large()
        return Turn(owner, maker, asked, before, merged)

    async def keep(self, turn: Turn, response: bytes) -> None:
        """Keep an answer if it can be gone on from. One that cannot be kept reaches the client all the same."""
        shown = answer.shown(response)
        if turn.asked is None or shown is None:
            return
        if not is_id(shown.id) or any(kept.id == shown.id for kept in turn.before):
            self._complain("a response has an id that cannot be used; it is not kept")
            return
        given, size = turn.asked.input, turn.before[-1].size if turn.before else 0
        kept = Kept(
            owner=turn.owner,
            id=shown.id,
            previous=turn.asked.previous,
            expires=int(self._clock()) + self._life,
            maker=turn.maker,
            size=size + len(given) + len(response),
            input=given,
            response=response,
        )
        await asyncio.shield(self._write(kept, [item for item in shown.items if is_id(item)]))

    async def find(self, owner: str, response: str) -> Kept | None:
        """A response of this owner.

        Raises:
            RefusedError: the store cannot be read now.
        """
        return await self._read(lambda: self._store.get(owner, response, self._now()))

    async def delete(self, owner: str, response: str) -> bool:
        """Whether there was one.

        Raises:
            RefusedError: the store cannot be written now.
        """
        return await self._read(lambda: self._store.delete(owner, response, self._now()))

    async def run(self) -> None:
        """Forget what has expired, for ever."""
        while True:
            try:
                await self._told(lambda: self._store.sweep(self._now()))
            except StoreError as error:
                self._complain(str(error))
            await asyncio.sleep(_SWEEP_SECONDS)

    async def aclose(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._store.close)
        self._threads.shutdown(wait=False)

    async def _resolved(self, owner: str, maker: str, items: list[bytes]) -> list[bytes]:
        """Items that are named are told instead, but to a provider that made them itself."""
        names = [name for name in history.referred(items) if is_id(name)]
        if not names:
            return items
        holders = await self._read(lambda: self._store.holders(owner, names, self._now()))
        others = {name: _said(kept, maker) for name, kept in holders.items() if not maker or kept.maker != maker}
        return history.resolved(items, others)

    async def _write(self, kept: Kept, items: Sequence[str]) -> None:
        try:
            await self._told(lambda: self._store.keep(kept, items))
        except StoreError as error:
            self._complain(f"a response was not kept: {error}")

    async def _before(self, owner: str, previous: str) -> Sequence[Kept]:
        try:
            found: Sequence[Kept] = ()
            if is_id(previous):
                found = await self._read(lambda: self._store.chain(owner, previous, self._now(), self.most))
        except TooLargeError:
            raise _too_large() from None
        if not found:
            message = f"Previous response with id '{_shown(previous)}' not found."
            raise RefusedError(409, message, "previous_response_id", "ConversationStateNotFound")
        return found

    async def _read(self, question: Callable[[], Told]) -> Told:
        try:
            return await self._told(question)
        except StoreError as error:
            self._complain(str(error))
            raise RefusedError(503, "kept responses cannot be read now") from None

    async def _told(self, question: Callable[[], Told]) -> Told:
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._threads, question)
        except TimeoutError:
            raise StoreError("response store: does not answer in time") from None

    def _now(self) -> int:
        return int(self._clock())

    def _complain(self, problem: str) -> None:
        """Once a minute; nothing of a request is in it."""
        now = time.monotonic()
        if now - self._complained >= _COMPLAINT_SECONDS:
            self._complained = now
            log.error("%s", problem)


def _said(kept: Kept, maker: str) -> Said:
    return Said(kept.input, kept.response, is_own=kept.maker == maker)


def _too_large() -> RefusedError:
    return RefusedError(413, "the conversation is larger than a request may be", "previous_response_id")


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:256])
