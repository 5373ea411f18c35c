"""What replicas tell each other, and that they end up agreeing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.server.news import News, World
from ostiary_gateway.server.reported import Breaker, Change, Opening, Reported

NOW = 1_800_000_000_000
BLOCK = (NOW + 60_000, "retry_after")


def reported(*, blocks=None, opened=None, epoch="e1", now=NOW):
    breakers = {t: Breaker(state="OPEN", failures=5, opened_at=at, open_ms=300_000) for t, at in (opened or {}).items()}
    return Reported(now=now, epoch=epoch, blocks=blocks or {}, breakers=breakers)


def opening(at):
    return Opening(at, 300_000)


def test_what_is_new_is_told_once():
    world = World()
    state = reported(blocks={"m:a/x": BLOCK}, opened={"a/x": NOW})
    assert world.observe(state) == News(blocks={"m:a/x": BLOCK}, opened={"a/x": opening(NOW)})
    assert not world.observe(state)


def test_only_a_later_end_of_a_block_is_news():
    world = World()
    world.observe(reported(blocks={"m:a/x": BLOCK}))
    assert not world.observe(reported(blocks={"m:a/x": (BLOCK[0] - 1, "retry_after")}))
    later = (BLOCK[0] + 1, "high_latency")
    assert world.observe(reported(blocks={"m:a/x": later})) == News(blocks={"m:a/x": later})


def test_what_was_heard_is_not_told_again():
    world = World()
    heard = News(blocks={"p:a": BLOCK}, opened={"a/x": opening(NOW)})
    assert world.hear(heard, NOW) == Change(blocks=heard.blocks, breakers=heard.opened)
    assert not world.observe(reported(blocks={"p:a": BLOCK}, opened={"a/x": NOW}))


def test_a_recovery_is_told_and_ends_what_another_replica_saw():
    first, second = World(), World()
    news = first.observe(reported(opened={"a/x": NOW}))
    second.hear(news, NOW)
    second.observe(reported(opened={"a/x": NOW}))
    closed = first.observe(reported())
    assert closed == News(closed={"a/x": NOW})
    assert second.hear(closed, NOW) == Change(breakers={"a/x": None})
    assert not second.observe(reported())
    assert not first.hear(closed, NOW)


def test_a_recovery_does_not_end_a_newer_opening():
    world = World()
    world.observe(reported(opened={"a/x": NOW}))
    assert not world.hear(News(closed={"a/x": NOW - 1}), NOW)


def test_an_opening_that_has_ended_here_is_not_taken_back_in():
    world = World()
    world.observe(reported(opened={"a/x": NOW}))
    world.observe(reported())
    late = News(opened={"a/x": opening(NOW)})
    assert world.outdated(late) == {"a/x": NOW}
    assert not world.hear(late, NOW)
    assert world.hear(News(opened={"a/x": opening(NOW + 1)}), NOW)


def test_a_restarted_nginx_that_forgot_has_not_recovered():
    world = World()
    world.observe(reported(opened={"a/x": NOW}))
    assert not world.observe(reported(epoch="e2"))


def test_an_opening_that_was_heard_and_ended_at_once_is_news_too():
    world = World()
    change = world.hear(News(opened={"a/x": opening(NOW)}), NOW)
    assert not world.observe(reported())
    world.told(change)
    assert world.observe(reported()) == News(closed={"a/x": NOW})


def test_an_opening_whose_time_is_over_is_no_news():
    world = World()
    over = NOW - 300_000
    assert not world.observe(reported(opened={"a/x": over}))
    assert not world.hear(News(opened={"b/x": opening(over)}), NOW)


def test_a_reset_is_told_and_not_echoed():
    first, second = World(), World()
    for world in (first, second):
        world.observe(reported(opened={"a/x": NOW}))
    news = first.reset(("a/x",))
    assert news == News(reset=("a/x",))
    assert second.hear(news, NOW) == Change(reset=("a/x",))
    assert not first.observe(reported())
    assert not second.observe(reported())


def test_after_an_absence_everything_that_counts_is_told_again():
    world = World()
    state = reported(blocks={"m:a/x": BLOCK}, opened={"a/x": NOW})
    world.observe(state)
    world.forget()
    assert world.observe(state) == News(blocks={"m:a/x": BLOCK}, opened={"a/x": opening(NOW)})


def test_what_is_over_is_forgotten():
    world = World()
    world.observe(reported(blocks={"m:a/x": BLOCK}, opened={"a/x": NOW}))
    world.observe(reported(now=NOW + 8_000_000))
    assert (world._blocks, world._opened, world._closed) == ({}, {}, {})


class Nginx:
    """The merge of share.js and what may happen to a breaker, for one target."""

    def __init__(self):
        self.world = World()
        self.blocks, self.opened = {}, {}

    def take(self, change, now):
        for scope, block in change.blocks.items():
            if block[0] > max(now, self.blocks.get(scope, (0, ""))[0]):
                self.blocks[scope] = block
        for target, told in change.breakers.items():
            if told is None:
                self.opened.pop(target, None)
            elif told.opened_at > self.opened.get(target, 0):
                self.opened[target] = told.opened_at
        for target in change.reset:
            self.opened.pop(target, None)

    def look(self, now):
        blocks = {scope: block for scope, block in self.blocks.items() if block[0] > now}
        return self.world.observe(reported(blocks=blocks, opened=self.opened, now=now))


EVENT = st.tuples(st.sampled_from(["open", "close", "block", "look", "pass"]), st.integers(0, 2), st.sampled_from(["a/x", "b/y"]))


@given(st.lists(EVENT, max_size=40))
def test_replicas_agree_once_everything_is_said(events):
    replicas = [Nginx() for _ in range(3)]
    wire = []
    now = NOW
    for kind, number, target in [*events, *[("look", n, "") for n in range(3)] * 3, *[("pass", 0, "")] * 99]:
        now += 1
        here = replicas[number]
        if kind == "open":
            here.opened[target] = now
        elif kind == "close":
            here.opened.pop(target, None)
        elif kind == "block":
            here.blocks[f"m:{target}"] = (now + 50_000, "retry_after")
        elif kind == "look":
            wire += [(number, news)] if (news := here.look(now)) else []
        elif wire:
            origin, news = wire.pop(0)
            for other in (replica for n, replica in enumerate(replicas) if n != origin):
                change = other.world.hear(news, now)
                other.take(change, now)
                other.world.told(change)
                wire += [(replicas.index(other), more)] if (more := other.look(now)) else []
    assert not wire
    assert replicas[0].blocks == replicas[1].blocks == replicas[2].blocks
    assert replicas[0].opened == replicas[1].opened == replicas[2].opened


@pytest.mark.parametrize("news", [News(), News(blocks={}), News(reset=())])
def test_nothing_is_no_news(news):
    assert not news
