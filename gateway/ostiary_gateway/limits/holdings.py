"""One purse, as the ledger and nginx know it together: what was granted into it, and what of that is settled."""

LOST_MS = 3_000
"""A grant that nginx does not have by then never arrived: its client went away while it was asked for."""


class Holding:
    """Amounts of one purse (of one slot of it, where it has slots) in the present life of nginx.

    `granted` is what nginx is known to have, without what was taken back; `pending` is answered but not yet seen there.
    `ghost` is what an nginx that is gone had granted and nobody has settled yet. `truth` is what was used in this slot.
    """

    __slots__ = ("_pending", "ghost", "granted", "is_dry", "is_waiting", "left", "left_since", "settled", "truth", "unexplained")

    def __init__(self, granted: int = 0, settled: int = 0, truth: int = 0) -> None:
        self.granted = granted
        self.settled = settled
        self.truth = truth
        self.ghost = 0
        self.is_dry = False  # nothing in it that could be taken back
        self.is_waiting = False  # for nginx to have what was granted
        self.left = 0  # as nginx said last
        self.left_since = 0
        self.unexplained = 0  # what nginx lowered `granted` by without having told yet
        self._pending: list[tuple[int, int]] = []

    @property
    def out(self) -> int:
        """Granted and not settled: what requests may still use of it."""
        return max(0, self.granted + sum(amount for _, amount in self._pending) - self.settled) + self.ghost

    @property
    def weight(self) -> int:
        return self.truth + self.out

    def grant(self, amount: int, extra: int, now_ms: int) -> None:
        self._pending.append((now_ms, amount + extra))
        self.is_waiting = True
        self.is_dry = self.is_dry and extra == 0

    def lower(self, amount: int) -> None:
        """So much came back of what was left."""
        self.granted -= amount

    def returned(self, amount: int) -> None:
        """The same, as nginx tells it by itself: a look at its purses may already have shown it."""
        known = min(amount, self.unexplained)
        self.unexplained -= known
        self.granted -= amount - known

    def look(self, left: int, granted: int, asked_ms: int) -> None:
        """What nginx says at a moment after `asked_ms`: it is right (grants get lost, and it may have been told by others)."""
        self.arrive(granted, asked_ms)
        if left < self.left or not left:
            self.left_since = asked_ms
        self.left = left
        self.is_dry = self.is_dry and left == 0

    def arrive(self, granted: int, asked_ms: int) -> None:
        """What nginx was granted, as it says: of what is pending so much has arrived there."""
        change = granted - self.granted
        self.granted = granted
        self.unexplained += max(0, -change)
        arrived = max(0, change)
        waiting = []
        for at, amount in self._pending:
            seen = min(arrived, amount)
            arrived -= seen
            if amount > seen and at > asked_ms - LOST_MS:
                waiting.append((at, amount - seen))
        self._pending = waiting
        self.is_waiting = bool(waiting)

    def miss(self, asked_ms: int) -> None:
        """Nothing of such a purse is in nginx: it never got what it was given, or it has let go of a slot of the past."""
        self._pending = [(at, amount) for at, amount in self._pending if at > asked_ms - LOST_MS]
        self.is_waiting = bool(self._pending)

    def outlive(self) -> None:
        """The nginx that had this is gone, and its shared memory with it. What is pending may have gone to the next one too."""
        self.ghost = self.out
        self.granted = self.settled = self.left = self.unexplained = 0
        self.is_dry = False
