"""Several calls at once."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

_T = TypeVar("_T")


async def together(calls: Iterable[Awaitable[_T]], *, at_once: int = 8) -> list[_T]:
    """Their results in order. All have ended when this returns; then the first error is raised, if there was one."""
    limit = asyncio.Semaphore(at_once)

    async def limited(call: Awaitable[_T]) -> _T:
        async with limit:
            return await call

    answers = await asyncio.gather(*map(limited, calls), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]
