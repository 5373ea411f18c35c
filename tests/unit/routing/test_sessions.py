"""PL-28: the memory of sessions: 600 s since the last use, 10,000 of them."""

from ostiary_gateway.routing.sessions import MOST, SECONDS, Sessions

VALUE = (("p/a", "p/b"), "route")


def test_pl_28_a_session_lives_for_600_s_after_its_last_use() -> None:
    sessions = Sessions()
    sessions.keep(("k", "m", "s"), *VALUE, 0.0)
    assert sessions.recall(("k", "m", "s"), SECONDS - 1) == VALUE
    sessions.keep(("k", "m", "s"), *VALUE, SECONDS - 1)
    assert sessions.recall(("k", "m", "s"), 2 * SECONDS - 2) == VALUE
    assert sessions.recall(("k", "m", "s"), 2 * SECONDS - 1) is None


def test_pl_28_a_session_belongs_to_one_key_and_one_model() -> None:
    sessions = Sessions()
    sessions.keep(("k", "m", "s"), *VALUE, 0.0)
    assert sessions.recall(("other", "m", "s"), 1.0) is None
    assert sessions.recall(("k", "other", "s"), 1.0) is None


def test_pl_28_the_oldest_of_more_than_10_000_is_forgotten() -> None:
    sessions = Sessions()
    for n in range(MOST + 1):
        sessions.keep(("k", "m", str(n)), *VALUE, 0.0)
    assert len(sessions) == MOST == 10_000
    assert sessions.recall(("k", "m", "0"), 1.0) is None
    assert sessions.recall(("k", "m", "1"), 1.0) == VALUE
