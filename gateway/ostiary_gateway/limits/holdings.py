"""One purse, as the ledger and nginx know it together: what was granted into it, and what of that is settled."""

from ostiary_gateway.contract.lease import ROUND

LOST_MS = 3_000
"""A grant that nginx does not have by then never arrived: its client went away while it was asked for."""


class Holding:
    """Amounts of one purse (of one slot of it, where it has slots) in the present life of nginx.

    `granted` is what nginx is known to have been given ever, `back` what of it came back ever: both only grow, so that messages
    may come in any order. `pending` is answered but not yet seen there. `ghost` is what an nginx that is gone had granted and
    nobody has settled yet. `truth` is what was used in this slot.
    """

    __slots__ = ("_pending", "back", "ghost", "granted", "is_dry", "is_waiting", "left", "left_since", "settled", "truth")

    def __init__(self) -> None:
        self.granted = self.back = self.settled = self.truth = 0
        self.ghost = 0
        self.is_dry = False  # nothing in it that could be taken back
        self.is_waiting = False  # for nginx to have what was granted
        self.left = 0  # as nginx said last
        self.left_since = 0
        self._pending: list[tuple[int, int]] = []

    @property
    def out(self) -> int:
        """Granted, not taken back and not settled: what requests may still use of it."""
        pending = sum(amount for _, amount in self._pending)
        return max(0, self.granted + pending - self.back - self.settled) + self.ghost

    @property
    def weight(self) -> int:
        return self.truth + self.out

    def restore(self, granted: int, back: int, settled: int, truth: int) -> None:
        """What was known before this process began; the ledger's sums do not begin anew as nginx's do."""
        rounds = (back + settled - granted + ROUND // 2) // ROUND
        self.granted, self.back, self.settled, self.truth = granted + rounds * ROUND, back, settled, truth

    def grant(self, amount: int, extra: int, now_ms: int) -> None:
        self._pending.append((now_ms, amount + extra))
        self.is_waiting = True
        self.is_dry = self.is_dry and extra == 0

    def returned(self, back: int) -> None:
        """So much nginx has taken back of it ever."""
        self.back += _growth(self.back, back)

    def look(self, left: int, granted: int, back: int, asked_ms: int) -> None:
        """What nginx says at a moment after `asked_ms`."""
        self.arrive(granted, back, asked_ms)
        if left < self.left or not left:
            self.left_since = asked_ms
        self.left = left
        self.is_dry = self.is_dry and left == 0

    def arrive(self, granted: int, back: int, asked_ms: int) -> None:
        """What nginx was given and gave back ever, as it says: of what is pending so much has arrived there."""
        arrived = _growth(self.granted, granted)
        self.granted += arrived
        self.returned(back)
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
        self.granted = self.back = self.settled = self.left = 0
        self.is_dry = False


def _growth(known: int, told: int) -> int:
    """How much a number that only grows, and is told modulo ROUND, is ahead of what is known; 0 for an old message."""
    ahead = (told - known) % ROUND
    return ahead if ahead < ROUND // 2 else 0
