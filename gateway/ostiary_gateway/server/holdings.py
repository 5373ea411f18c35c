"""What one replica holds of each account, what it says of it next, and what it makes of the answers. No input or output."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ostiary_gateway.limits.claims import Answer, Ask, lasting_ms, reserve, share

IDLE_SECONDS = 2.0
"""What is held beyond use and reserve for so long goes back; and so long a reserve is not asked for after others cried for it."""
REFRESH_SECONDS = 2.0
"""So long what others were heard to use is good enough to tell clients what remains."""
FORGET_SECONDS = 120.0
"""Where nothing is used and nobody asked for so long, the reserve goes back too."""
Key = tuple[str, str]


class Use(NamedTuple):
    """As of Holder: what is claimed here, and what of that is settled."""

    claimed: int
    settled: int


@dataclass(slots=True)
class Holding:
    """`hint` is what it may hold though nobody said so: its share, until an answer tells what others hold.

    `needs` is what requests wait for now, `is_called` that others want all that can be spared.
    """

    account: str
    period: str
    limit: int
    hint: int
    touched_at: float
    allowance: int = 0
    others: int = 0
    others_used: int = 0
    others_settled: int = 0
    needs: int = 0
    is_called: bool = False
    called_at: float = -IDLE_SECONDS
    excess_since: float | None = None
    told: tuple[int, int, int] = (0, 0, 0)
    said_at: float = -REFRESH_SECONDS

    @property
    def key(self) -> Key:
        return self.account, self.period

    def told_use(self, now: float) -> Use:
        """What was told last, as long as that may count."""
        return Use(*self.told[1:]) if (now - self.touched_at) * 1000 <= lasting_ms(self.account) else Use(0, 0)

    def is_news(self, use: Use) -> bool:
        """Whether others who wait for some of it should hear of this: more is used for certain, or less is held."""
        _, claimed, settled = self.told
        return use.settled != settled or use.claimed < claimed

    def next_ask(self, replica: str, sequence: int, use: Use, alive: int, now: float) -> Ask | None:
        """What is to be said now, None where it is known already. What is given up is given up with the saying."""
        used = use.claimed
        mine = max(self.allowance, self.hint)
        is_pressed = self.needs > 0
        wanted = used + self.needs if is_pressed or self.is_called else self._resting(used, alive, now)
        if is_pressed and not self.is_called and wanted <= self.allowance:
            return None
        is_new = is_pressed or self.is_called or self.hint or (wanted, *use) != self.told or wanted != self.allowance
        if not is_new and now - self.said_at < REFRESH_SECONDS:
            return None
        self.said_at = now
        return self._ask(replica, sequence, use, mine, wanted, with_more=is_pressed and not self.is_called)

    def again(self, replica: str, sequence: int, use: Use) -> Ask:
        """The same as ever, for a Valkey that may not know."""
        mine = max(self.allowance, self.hint)
        return self._ask(replica, sequence, use, mine, max(mine, use.claimed), with_more=False)

    def hear(self, ask: Ask, answer: Answer) -> bool:
        """Take the answer to an ask; returns whether something was lost to others meanwhile."""
        self.allowance, self.others = answer.allowance, answer.others
        self.others_used, self.others_settled = answer.others_used, answer.others_settled
        self.told = (answer.allowance, ask.used, ask.settled)
        if not answer.is_fresh:
            self.hint = 0
        return answer.allowance < min(ask.mine, ask.wanted)

    def _ask(self, replica: str, sequence: int, use: Use, mine: int, wanted: int, *, with_more: bool) -> Ask:
        self.allowance = min(self.allowance, wanted)
        return Ask(replica, sequence, self.limit, mine, use.claimed, wanted, lasting_ms(self.account), with_more, use.settled)

    def _resting(self, used: int, alive: int, now: float) -> int:
        """Use and reserve; more only while it may be needed again at once."""
        if not used and now - self.touched_at > FORGET_SECONDS:
            return 0
        if now - self.called_at < IDLE_SECONDS:
            return max(self.allowance, used)
        target = used + reserve(self.limit, self.others, used, alive)
        if target >= self.allowance:
            self.excess_since = None
            return target
        self.excess_since = now if self.excess_since is None else self.excess_since
        return target if now - self.excess_since >= IDLE_SECONDS else self.allowance


class Holdings:
    """All of them. `due` have something to say within a second, `pressing` at once; all others are looked at in turn."""

    def __init__(self) -> None:
        self._all: dict[Key, Holding] = {}
        self.due: dict[Key, None] = {}
        self.pressing: dict[Key, None] = {}
        self._turn: Iterator[Key] = iter(())

    def __len__(self) -> int:
        return len(self._all)

    def get(self, account: str, period: str) -> Holding | None:
        return self._all.get((account, period))

    def of(self, account: str, period: str, limit: int, replicas: int, now: float) -> Holding:
        """The holding, made where there is none."""
        holding = self._all.get((account, period))
        if holding is None:
            holding = self._all[account, period] = Holding(account, period, limit, share(limit, replicas), now)
        holding.limit = limit
        self.due[account, period] = None
        return holding

    def take_due(self, most: int) -> list[Holding]:
        return self._take(self.due, most)

    def take_pressing(self, most: int) -> list[Holding]:
        return self._take(self.pressing, most)

    def _take(self, keys: dict[Key, None], most: int) -> list[Holding]:
        """The oldest ones, out of these keys."""
        some = list(itertools.islice(keys, most))
        for key in some:
            del keys[key]
        return [self._all[key] for key in some if key in self._all]

    def look_at_some(self, most: int) -> None:
        """Make the next ones due that nobody mentioned."""
        keys = list(itertools.islice(self._turn, most))
        if len(keys) < most:
            self._turn = iter(list(self._all))
        self.due.update(dict.fromkeys(key for key in keys if key in self._all))

    def everything(self, size: int) -> Iterator[list[Holding]]:
        """All, in parts of this size."""
        every = list(self._all.values())
        for start in range(0, len(every), size):
            yield every[start : start + size]

    def drop(self, holding: Holding) -> None:
        """Forget one of which nothing is held and nothing used."""
        if not holding.needs:
            self._all.pop(holding.key, None)
