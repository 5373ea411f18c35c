"""Play the table against a gateway and read what it charged."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from ostiary_gateway.conformance.caller import Caller
from ostiary_gateway.conformance.case import Case
from ostiary_gateway.conformance.judge import Judge, Row
from ostiary_gateway.conformance.meters import Meter, Reading
from ostiary_gateway.conformance.play import Play
from ostiary_gateway.conformance.provider import Provider
from ostiary_gateway.conformance.truth import truth

_AT_ONCE = 16
_ASK_AGAIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What cases are played with. Several gateways are replicas: they take turns."""

    provider: Provider
    callers: Sequence[Caller]
    meter: Meter
    patience: float = 20.0


async def run(bench: Bench, cases: Sequence[Case], judge: Judge, told: Callable[[int], object] = lambda _: None) -> list[Row]:
    """One row for each case, in their order.

    Args:
        bench: what to play with.
        cases: what to play.
        judge: decides what is right.
        told: called with the number of cases that have been played since, for a progress bar.

    Raises:
        MeterError: the meter cannot be read.
    """
    plays = [Play(case) for case in cases]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, play: Play) -> None:
        async with gate:
            bench.provider.expect(play)
            await bench.callers[number % len(bench.callers)].play(play)
            told(1)

    async with asyncio.TaskGroup() as group:
        for number, play in enumerate(plays):
            group.create_task(one(number, play))
    return await read(bench, plays, judge)


async def read(bench: Bench, plays: Sequence[Play], judge: Judge) -> list[Row]:
    """What was charged, asked again until all is right or nobody has patience any more.

    A gateway may write down a request later than it answers it, and for nothing charged there may be nothing to read.
    """
    deadline = time.monotonic() + bench.patience
    rows: dict[int, Row] = {}
    while True:
        for number, play in enumerate(plays):
            if number not in rows or not rows[number].right:
                reading: Reading | None = await bench.meter.read(play.request_ids)
                rows[number] = judge.row(play, truth(play), reading)
        if all(row.right for row in rows.values()) or time.monotonic() > deadline:
            return [rows[number] for number in range(len(plays))]
        await asyncio.sleep(_ASK_AGAIN_SECONDS)


def connect(session: aiohttp.ClientSession, urls: Sequence[str], key: str) -> list[Caller]:
    return [Caller(session, url, key) for url in urls]
