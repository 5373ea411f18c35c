"""What a person should notice: told as an Event when it begins, never again while it lasts."""

import logging
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ostiary_operator.api.conditions import Condition
from ostiary_operator.cluster.errors import ClusterError
from ostiary_operator.cluster.pen import Pen
from ostiary_operator.cluster.resources import EVENTS, Object
from ostiary_operator.objects.event import build_event
from ostiary_operator.reconcile.rotation import text_of

log = logging.getLogger(__name__)
_TOLD = ("Accepted", "ResolvedRefs")
_BURST = 25
_PER_SECOND = 2.0


@dataclass(frozen=True, slots=True)
class Notice:
    """About an object as it is in the cluster."""

    about: Object
    kind: Literal["Normal", "Warning"]
    reason: str
    message: str


def worsened(about: Object, before: Iterable[Condition], after: Iterable[Condition]) -> list[Notice]:
    """What has gone wrong with an object between two of its statuses."""
    known = {condition.type: (condition.status, condition.reason) for condition in before}
    return [
        Notice(about, "Warning", condition.reason, condition.message)
        for condition in after
        if condition.type in _TOLD
        and condition.status == "False"
        and known.get(condition.type) != (condition.status, condition.reason)
    ]


class Herald:
    """Posts notices, but of a flood only the first: the conditions tell the rest."""

    def __init__(self, pen: Pen, clock: Callable[[], float]) -> None:
        self._pen = pen
        self._clock = clock
        self._left = float(_BURST)
        self._filled = clock()

    async def tell(self, notices: Iterable[Notice], now: datetime) -> None:
        """Post them; an event that cannot be posted is not worth a second try."""
        for notice in notices:
            if not self._allowed():
                log.info("event left out: %s of %s", notice.reason, notice.about["metadata"]["name"])
                continue
            suffix = secrets.token_hex(8)
            event = build_event(notice.about, notice.kind, notice.reason, notice.message, now=text_of(now), suffix=suffix)
            try:
                await self._pen.create(EVENTS, event)
            except ClusterError as error:
                log.info("event not posted: %s", error)

    def _allowed(self) -> bool:
        now = self._clock()
        self._left = min(float(_BURST), self._left + (now - self._filled) * _PER_SECOND)
        self._filled = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
