"""When a provider has been waited for long enough: moments of one clock, in seconds."""

import math
from dataclasses import dataclass

from ostiary_gateway.guard.order import Order

_MS = 0.001


@dataclass(frozen=True, slots=True)
class Patience:
    """`head`, `body` and `end` are moments; `silence` and `comment` are lengths of time. Infinite is without limit.

    Until `head` the status line must be there, until `body` something of the body, until `end` everything.
    """

    head: float
    body: float
    end: float
    silence: float
    comment: float

    @classmethod
    def of(cls, order: Order, now: float, most_silence: float) -> "Patience":
        """Of a request that came at `now`; `most_silence` (seconds) counts where the order sets no limit."""
        end = now + order.deadline_ms * _MS if order.deadline_ms else math.inf
        body = min(_moment(now, order.attempt_ms, math.inf), end)
        return cls(
            head=min(_moment(now, order.first_byte_ms, now + most_silence), body),
            body=body,
            end=end,
            silence=order.between_bytes_ms * _MS or most_silence,
            comment=order.keep_alive_ms * _MS if order.stream and order.keep_alive_ms > 0 else math.inf,
        )

    @property
    def may_give_up_before_body(self) -> bool:
        """Whether a head without a body can still become a timeout."""
        return self.body < self.end


def _moment(now: float, milliseconds: float, otherwise: float) -> float:
    return now + milliseconds * _MS if milliseconds > 0 else otherwise
