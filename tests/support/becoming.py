"""Waiting in a coroutine for something that nobody announces, with a deadline."""

import asyncio
from collections.abc import Callable
from typing import Any

_STEP_SECONDS = 0.005


async def becomes(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Until the condition holds; TimeoutError if it never does."""
    async with asyncio.timeout(seconds):
        while True:
            if condition():
                return
            await asyncio.sleep(_STEP_SECONDS)
