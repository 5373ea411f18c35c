"""Two numbers per key for people who look into Valkey (TP-21): calls in the last minute, and the cost of the month.

They are copies; nothing is decided by them. What can not be written in time is left out, not kept.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

from ostiary_gateway.contract.record import Record
from ostiary_gateway.limits.claims import Holder

_SCRIPT = Path(__file__).with_name("month_cost.lua").read_text(encoding="utf-8")
_MINUTE_MS = 60_000
_MOST_CALLS = 10_000
"""So many calls of a minute are shown for one key, the latest; and so many can wait to be written."""
_MOST_KEYS = 500
"""So many keys are written each second; others wait their turn."""
_MONTH_SECONDS = 62 * 86_400
_NANO = Decimal("1e9")


class Mirrors:
    """`note` collects, `show` writes."""

    def __init__(self, prefix: str, replica: str) -> None:
        self._prefix = prefix
        self._replica = replica
        self._calls: deque[tuple[str, str, int]] = deque(maxlen=_MOST_CALLS)
        self._recent: dict[str, int] = {}
        self._months: dict[tuple[str, str], None] = {}

    def note(self, records: Sequence[Record]) -> None:
        for record in records:
            at = datetime.fromisoformat(record.timestamp)
            self._calls.append((record.key_id, record.id, int(at.timestamp() * 1000)))
            self._months[record.key_id, record.timestamp[:7]] = None

    async def show(self, client: Any, holder: Holder) -> None:
        """Write what is new. Raises what the client raises."""
        if not (self._calls or self._recent or self._months):
            return
        seconds, micros = await client.time()
        async with client.pipeline(transaction=False) as together:
            self._show_calls(together, seconds * 1000 + micros // 1000)
            months = list(self._months)[:_MOST_KEYS]
            for key_id, month in months:
                name = f"cost:{key_id}:{month.replace('-', ':')}"
                cost = int((holder.month_cost(key_id, month) * _NANO).to_integral_value(ROUND_HALF_EVEN))
                together.eval(_SCRIPT, 2, self._prefix + name, name, self._replica, cost, _MONTH_SECONDS)
            await together.execute(raise_on_error=False)  # somebody else may keep other things under these names
        for shown in months:
            del self._months[shown]

    def _show_calls(self, together: Any, now: int) -> None:
        calls, self._calls = self._calls, deque(maxlen=_MOST_CALLS)
        by_key: dict[str, dict[str, int]] = {}
        for key_id, record_id, at in calls:
            if now - at < _MINUTE_MS:
                by_key.setdefault(key_id, {})[record_id] = at
                self._recent.pop(key_id, None)
                self._recent[key_id] = now
        for key_id, members in by_key.items():
            together.zadd(f"rate_limit:{key_id}", members)
            together.expire(f"rate_limit:{key_id}", _MINUTE_MS // 1000)
        for key_id in list(self._recent)[:_MOST_KEYS]:
            name = f"rate_limit:{key_id}"
            together.zremrangebyscore(name, "-inf", now - _MINUTE_MS)
            together.zremrangebyrank(name, 0, -_MOST_CALLS - 1)
            last = self._recent.pop(key_id)
            if now - last <= _MINUTE_MS:
                self._recent[key_id] = last
