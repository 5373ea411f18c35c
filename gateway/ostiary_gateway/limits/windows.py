"""Rates: units belong to the slot in which they were taken, and a slot counts until all of it has left the window.

So no window of that length ever holds more than the limit, and what was used is free again one slot late at most.
"""

from ostiary_gateway.limits.accounts import Account


class Window(Account):
    """One rate."""

    @property
    def used(self) -> int:
        return sum(holding.truth for holding in self._holdings.values())

    @property
    def claimed(self) -> int:
        return self._weight

    @property
    def out(self) -> int:
        return self._weight - self.used

    def first_slot(self, now_ms: int) -> int:
        """The oldest one that still counts."""
        return (now_ms - self.limit.window_ms) // self.limit.slot_ms

    def current_slot(self, now_ms: int) -> int:
        return now_ms // self.limit.slot_ms

    def roll(self, now_ms: int) -> None:
        first = self.first_slot(now_ms)
        for slot in [slot for slot in self._holdings if slot < first]:
            self._weight -= self._holdings.pop(slot).weight

    def look(self, slot: int, left: int, granted: int, back: int, asked_ms: int) -> None:
        """Nothing of a slot that no longer counts."""
        if slot >= self.first_slot(asked_ms):
            super().look(slot, left, granted, back, asked_ms)

    def resets_at(self, now_ms: int) -> int:
        latest = max((slot for slot, holding in self._holdings.items() if holding.weight), default=None)
        return now_ms if latest is None else max(now_ms, self._leaves_at(latest))

    def free_at(self, wanted: int, most: int, now_ms: int) -> int:
        """When so much more will fit if nothing is used until then and nothing turns out smaller; 0 is never."""
        if wanted > most:
            return 0
        weight = self._weight
        for slot in sorted(self._holdings):
            if weight + wanted <= most:
                break
            weight -= self._holdings[slot].weight
            at = self._leaves_at(slot)
            if weight + wanted <= most:
                return max(at, now_ms)
        return now_ms

    def add_truth(self, slot: int, units: int, now_ms: int) -> None:
        """What requests that took from this slot truly used."""
        if slot < self.first_slot(now_ms):
            return
        with self._changing(slot) as holding:
            holding.truth += units

    def _leaves_at(self, slot: int) -> int:
        return (slot + 1) * self.limit.slot_ms + self.limit.window_ms
