"""The edge of a budget: many calls at once, of which only so many may pass."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ostiary_gateway.conformance.caller import Caller
from ostiary_gateway.conformance.case import Case, Counts
from ostiary_gateway.conformance.judge import plain
from ostiary_gateway.conformance.meters import Meter
from ostiary_gateway.conformance.play import Play
from ostiary_gateway.conformance.provider import Provider
from ostiary_gateway.conformance.truth import count

_REFUSED = {402, 429}
_FRAME = 7
_OUTPUT = 200
_ASK_AGAIN_SECONDS = 0.1


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the budget; amounts are decimal US dollars.

    `used` is what the calls that the provider served cost, `fitting` how many of them would have fitted exactly.
    """

    budget: str
    calls: int
    served: int
    fitting: int
    used: str
    charged: str
    statuses: dict[str, int]
    differs: tuple[str, ...] = ()

    @property
    def right(self) -> bool:
        return not self.differs


async def edge(
    provider: Provider, callers: Sequence[Caller], meter: Meter, *, budget: Decimal, bound: Decimal, patience: float
) -> Edge:
    """Twice as many calls as fit, all at once, over all replicas in turn.

    Args:
        provider: the scripted one.
        callers: one for each replica, with a key whose budget is whole.
        meter: reads what was charged.
        budget: that budget, US dollars.
        bound: by which it may be exceeded; with one replica by nothing.
        patience: seconds to wait for what was charged.
    """
    plays = _plays(budget)
    each = plays[0].case.counts.cost
    fitting = int(budget / each)
    for play in plays:
        provider.expect(play)
    async with asyncio.TaskGroup() as group:
        for number, play in enumerate(plays):
            group.create_task(callers[number % len(callers)].play(play, output=_OUTPUT))
    served = [play for play in plays if play.answered]
    used = each * len(served)
    charged = await _charged(meter, plays, used, patience)
    statuses = Counter(play.statuses[-1] for play in plays)
    differs = []
    if used > budget + bound:
        differs.append("overspent")
    if used + each * len(callers) <= budget:  # each replica may be short of one call
        differs.append("refused what fits")
    if charged != used:
        differs.append("cost")
    if set(statuses) - _REFUSED - {200}:
        differs.append("statuses")
    return Edge(
        budget=plain(budget),
        calls=len(plays),
        served=len(served),
        fitting=fitting,
        used=plain(used),
        charged=plain(charged),
        statuses={str(status): number for status, number in sorted(statuses.items())},
        differs=tuple(differs),
    )


def _plays(budget: Decimal) -> list[Play]:
    """As many as twice the budget: each reports what a tokenizer says of its prompt, and all the output that it may."""
    prompt = Play(_case(0)).prompt
    one = _case(count(prompt) + _FRAME)
    return [Play(one) for _ in range(2 * int(budget / one.counts.cost) + 2)]


def _case(tokens: int) -> Case:
    counts = Counts(input=tokens, output=_OUTPUT)
    return Case(name="at the edge of a budget", group="budget", dialect="chat", counts=counts, stream=False)


async def _charged(meter: Meter, plays: Sequence[Play], expected: Decimal, patience: float) -> Decimal:
    """The sum, as soon as it is what it should be."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        readings = [await meter.read(play.request_ids) for play in plays]
        charged = sum((reading.cost or Decimal(0) for reading in readings if reading), Decimal(0))
        if charged == expected or loop.time() > deadline:
            return charged
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
