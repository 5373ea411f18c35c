"""What nginx could not write is counted, and nothing else."""

from ostiary_gateway.ledger.losses import Losses
from ostiary_gateway.store import Epoch, Ranges, Seen


def _seen(*bounds: int, epoch: str = "e") -> Seen:
    return Seen({epoch: Ranges(bounds)})


def test_ids_neither_seen_nor_in_flight_are_lost_after_a_while() -> None:
    losses = Losses({})
    losses.observe("e", 10, 2, _seen(1, 5), now=0.0)
    losses.observe("e", 10, 2, _seen(1, 5), now=9.9)
    assert losses.total == 0
    losses.observe("e", 10, 2, _seen(1, 5), now=10.0)
    assert losses.total == 3
    losses.observe("e", 10, 2, _seen(1, 5), now=30.0)
    losses.observe("e", 10, 2, _seen(1, 5), now=60.0)
    assert losses.total == 3
    assert losses.known() == {"e": Epoch(10, 3)}


def test_what_arrives_in_time_is_not_lost() -> None:
    losses = Losses({})
    losses.observe("e", 10, 0, _seen(1, 8), now=0.0)
    losses.observe("e", 20, 0, _seen(1, 19), now=5.0)
    losses.observe("e", 30, 0, _seen(1, 29), now=11.0)  # one was always missing, but ever another
    losses.observe("e", 30, 0, _seen(1, 30), now=12.0)
    losses.observe("e", 31, 0, _seen(1, 30), now=13.0)
    assert losses.total == 1  # the fewest that were missing all the time: all that can be known


def test_a_busy_gateway_without_loss_counts_none() -> None:
    losses = Losses({})
    for second in range(100):
        losses.observe("e", 100 * second + 40, 40, _seen(1, 100 * second + (1 if second % 3 else 0)), now=float(second))
    assert losses.total == 0


def test_nothing_is_lost_while_the_spool_waits_to_be_read() -> None:
    losses = Losses({})
    losses.observe("e", 10, 0, _seen(1, 5), now=0.0)
    losses.unsettle()
    losses.observe("e", 10, 0, _seen(1, 5), now=15.0)
    assert losses.total == 0


def test_what_was_in_flight_when_nginx_died_is_lost_once() -> None:
    losses = Losses({})
    losses.observe("old", 10, 4, _seen(1, 6, epoch="old"), now=0.0)
    seen = Seen({"old": Ranges([1, 7]), "new": Ranges([1, 2])})
    for now in (20.0, 31.0, 60.0):
        losses.observe("new", 2, 0, seen, now=now)
    assert losses.known() == {"old": Epoch(10, 3), "new": Epoch(2, 0)}
    again = Losses(losses.known())
    for now in (100.0, 120.0):
        again.observe("new", 2, 0, seen, now=now)
    assert again.total == 3


def test_ids_seen_tell_more_than_an_old_status() -> None:
    losses = Losses({})
    for now in (0.0, 11.0):
        losses.observe("e", 5, 0, _seen(1, 4, 9, 9), now=now)
    assert losses.total == 4
