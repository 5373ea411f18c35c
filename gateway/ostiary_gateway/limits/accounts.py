"""An account: `used + granted - settled <= limit`, and nothing else is counted anywhere.

`used` is a fold of the ledger, `granted` (without what was taken back) is in nginx's shared memory, `settled` is a fold again.
What is granted and not settled is `out`: requests under way and what lies idle in nginx. Times are Unix milliseconds; pure, and
the caller's clock counts.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from ostiary_gateway.limits.holdings import Holding
from ostiary_gateway.limits.terms import Limit

NO_SLOT = 0


class Account(ABC):
    """One limit of one key, or of all keys that share it. `seen` is the last commit of the ledger that it holds."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.seen = -1
        self._holdings: dict[int, Holding] = {}
        self._weight = 0
        self._unseen: set[int] = set()

    @property
    @abstractmethod
    def used(self) -> int:
        """What the ledger says was used, in whole units."""

    @property
    def claimed(self) -> int:
        """Used, reserved, or idle in nginx: what nobody else may have."""
        return self.used + self.out

    @property
    @abstractmethod
    def out(self) -> int:
        """Granted and not settled."""

    @property
    def period(self) -> str:
        """Which period of it this is; empty where there are none."""
        return ""

    @abstractmethod
    def roll(self, now_ms: int) -> None:
        """Forget what is over. To be called before any question."""

    @abstractmethod
    def resets_at(self, now_ms: int) -> int:
        """When all of it will be there again if nothing more is used."""

    def holding(self, slot: int = NO_SLOT) -> Holding | None:
        return self._holdings.get(slot)

    def idle(self, *, force: bool = False) -> dict[int, int]:
        """Slots that may hold something to take back, with how much at most.

        `force`: also those that were empty lately. One that a grant is on its way to is never known to be empty.
        """
        return {slot: h.out for slot, h in self._holdings.items() if h.out and (force or h.is_waiting or not h.is_dry)}

    def restore(self, slot: int, *, granted: int, back: int, settled: int, truth: int) -> None:
        """What was known of a purse before this process began."""
        with self._changing(slot) as holding:
            holding.restore(granted, back, settled, truth)

    def seen_in_nginx(self) -> dict[int, tuple[int, int]]:
        """What nginx was given and gave back ever, by slot."""
        return {slot: (holding.granted, holding.back) for slot, holding in self._holdings.items()}

    def grant(self, slot: int, amount: int, extra: int, now_ms: int) -> None:
        """`amount` for a request, `extra` for those that follow."""
        with self._changing(slot) as holding:
            holding.grant(amount, extra, now_ms)
        self._unseen.add(slot)

    def settle(self, slot: int, amount: int, *, of_the_dead: bool = False) -> None:
        """A request is over that held so much."""
        if slot not in self._holdings:
            return
        with self._changing(slot) as holding:
            if of_the_dead:
                holding.ghost = max(0, holding.ghost - amount)
            else:
                holding.settled += amount

    def returned(self, slot: int, back: int) -> None:
        """So much came back from nginx ever."""
        if slot in self._holdings:
            with self._changing(slot) as holding:
                holding.returned(back)

    @property
    def is_awaited(self) -> bool:
        """Whether a grant is on its way to nginx: some of it may soon lie idle there."""
        return any(slot in self._holdings and self._holdings[slot].is_waiting for slot in self._unseen)

    def arrive(self, slot: int, granted: int, back: int, asked_ms: int) -> None:
        """What nginx says was granted into a purse and taken back ever."""
        if slot in self._holdings:
            with self._changing(slot) as holding:
                holding.arrive(granted, back, asked_ms)

    def dried(self, slot: int) -> None:
        """Nothing is left in this purse."""
        if slot in self._holdings:
            self._holdings[slot].is_dry = True

    def look(self, slot: int, left: int, granted: int, back: int, asked_ms: int) -> None:
        """What nginx has of a purse."""
        with self._changing(slot) as holding:
            holding.look(left, granted, back, asked_ms)

    def looked(self, asked_ms: int) -> None:
        """A look is over: grants that nginx should have by now, and has not, are lost."""
        for slot in tuple(self._unseen):
            if slot in self._holdings:
                with self._changing(slot) as holding:
                    holding.miss(asked_ms)
                if holding.is_waiting:
                    continue
            self._unseen.discard(slot)

    def outlive(self) -> None:
        """Another nginx is there now, with nothing in its purses."""
        for holding in self._holdings.values():
            holding.outlive()
        self._weigh()

    def bury(self) -> None:
        """Whatever the nginx before this one had under way is in the ledger now."""
        for holding in self._holdings.values():
            holding.ghost = 0
        self._weigh()

    def move_to(self, other: "Account") -> None:
        """Let an account go on with these purses whose calendar is another."""
        other._holdings, other._unseen = self._holdings, self._unseen  # noqa: SLF001 - its own class
        other._weigh()  # noqa: SLF001

    @contextmanager
    def _changing(self, slot: int) -> Iterator[Holding]:
        """The purse of a slot, whose weight is counted anew afterwards."""
        holding = self._holdings.get(slot) or self._holdings.setdefault(slot, Holding())
        before = holding.weight
        yield holding
        self._weight += holding.weight - before

    def _weigh(self) -> None:
        self._weight = sum(holding.weight for holding in self._holdings.values())


class Slots(Account):
    """Requests at once: nginx itself puts back what is no longer used."""

    @property
    def used(self) -> int:
        return 0

    @property
    def out(self) -> int:
        return self._weight

    def roll(self, now_ms: int) -> None:
        del now_ms

    def resets_at(self, now_ms: int) -> int:
        return now_ms

    def outlive(self) -> None:
        """The requests of an nginx that is gone are gone too."""
        super().outlive()
        self.bury()


def purse_key(purse: str, slot: int, limit: Limit) -> str:
    """The key in nginx's shared memory."""
    return f"{purse}.{slot}" if limit.window else purse


def parse_purse_key(key: str) -> tuple[str, int]:
    """Name and slot of a key; slot 0 where it has none."""
    name, _, slot = key.partition(".")
    return name, int(slot) if slot.isdecimal() else NO_SLOT
