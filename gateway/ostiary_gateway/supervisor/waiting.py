"""Waiting that an order can end."""

import asyncio
import contextlib


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, `seconds` at most."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
