"""Replicas that divide a limit: together never above it, whatever happens in whichever order."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ostiary_gateway.limits import claims
from ostiary_gateway.limits.claims import DEAD_MS, Answer, Ask, Book, Claim, Late, answer

NOW = 1_800_000_000_000
PEERS = st.integers(0, 3)
AMOUNTS = st.integers(1, 60)
LIMIT = 100


def ask(**changed) -> Ask:
    values = {"replica": "a", "sequence": 1, "limit": LIMIT, "mine": 0, "used": 0, "wanted": 1, "lasting_ms": 60_000}
    return Ask(**(values | changed))


def book(beats=("a", "b"), *, is_fresh=False, age=0, **held) -> Book:
    return Book({name: Claim(*claim, 1) for name, claim in held.items()}, dict.fromkeys(beats, NOW - age), NOW, is_fresh)


def test_the_first_gets_what_it_needs_and_a_share_of_what_is_free():
    assert answer(book(), ask(wanted=20, with_more=True)) == Answer(20 + 80 // 4, 0, 2, 0)
    assert answer(book(), ask(wanted=20)) == Answer(20, 0, 2, 0)


def test_near_the_edge_raises_are_small_and_the_last_unit_is_given():
    assert answer(book(b=(97, 97)), ask(wanted=1, with_more=True)).allowance == 1
    assert answer(book(b=(99, 99)), ask(wanted=1, with_more=True)).allowance == 1
    assert answer(book(b=(100, 100)), ask(wanted=1, with_more=True)).allowance == 0


def test_where_less_is_free_than_wanted_all_that_is_free_is_given():
    assert answer(book(b=(70, 10)), ask(wanted=40)).allowance == 30


def test_what_is_used_cannot_be_taken_back_even_above_the_limit():
    assert answer(book(b=(100, 100)), ask(mine=20, used=15, wanted=20)) == Answer(15, 100, 2, 100)


def test_a_dead_replica_weighs_what_it_used_until_that_lasts_no_more():
    dead = book(["a"], b=(80, 30))
    beats = {"a": NOW, "b": NOW - DEAD_MS - 1}
    assert answer(Book(dead.claims, beats, NOW), ask(wanted=90)).allowance == 70
    assert answer(Book(dead.claims, beats, NOW), ask(wanted=90, lasting_ms=DEAD_MS)).allowance == 90
    assert answer(Book(dead.claims, {"b": NOW - DEAD_MS}, NOW), ask(wanted=90)).allowance == 20


def test_where_valkey_may_have_forgotten_nobody_gets_more_than_it_had():
    fresh = book(is_fresh=True)
    assert answer(fresh, ask(mine=30, wanted=60, with_more=True)) == Answer(30, 0, 2, 0, is_fresh=True)
    assert answer(book(is_fresh=True, b=(80, 0)), ask(mine=30, wanted=60)).allowance == 20


def test_a_late_word_changes_nothing():
    assert answer(Book({"a": Claim(50, 0, 7)}, {"a": NOW}, NOW), ask(sequence=6, wanted=0, mine=50)) == Late(7)


def test_tp_09_what_others_only_reserved_is_not_told_as_settled():
    held = {"b": Claim(80, 60, 1, 45), "c": Claim(10, 10, 1, 5)}
    heard = answer(Book(held, dict.fromkeys("abc", NOW), NOW), ask(wanted=20))
    assert (heard.allowance, heard.others_used, heard.others_settled) == (10, 70, 50)


def test_what_a_dead_replica_settled_counts_as_long_as_its_use():
    beats = {"a": NOW, "b": NOW - DEAD_MS - 1}
    dead = Book({"b": Claim(80, 60, 1, 45)}, beats, NOW)
    assert answer(dead, ask(wanted=20)).others_settled == 45
    assert answer(dead, ask(wanted=20, lasting_ms=DEAD_MS)).others_settled == 0


@pytest.mark.parametrize(
    ("account", "lasting"),
    [
        ("key/k#requests/second", 1_000),
        ("key/k/gpt-4o#tokens/day", 86_400_000),
        ("key/k/a#b#slots", 0),
        ("key/k#hourly", 7_200_000),
        ("budget/ns/b#total", 400 * 86_400_000),
        ("key/k#requests/fortnight", 0),
    ],
)
def test_how_long_the_use_of_the_dead_counts_is_told_by_the_account(account, lasting):
    assert claims.lasting_ms(account) == lasting
    assert claims.expiry_ms(account) > lasting + DEAD_MS


def test_valkey_is_fresh_until_all_are_back_or_the_grace_is_over():
    assert claims.is_fresh(NOW, NOW + 1, arrived=1, expected=2)
    assert not claims.is_fresh(NOW, NOW + 1, arrived=2, expected=2)
    assert not claims.is_fresh(NOW, NOW + claims.GRACE_MS, arrived=1, expected=2)
    assert claims.is_reborn(NOW, NOW, is_same_server=False)
    assert claims.is_reborn(NOW, NOW + claims.SILENCE_MS + 1, is_same_server=True)
    assert not claims.is_reborn(NOW, NOW + claims.SILENCE_MS, is_same_server=True)


@dataclass
class Replica:
    """What it believes, and what is on its way to Valkey and back. `elsewhere`: what the others have settled, as it heard."""

    name: str
    allowance: int = 0
    used: int = 0
    settled: int = 0
    elsewhere: int = 0
    is_dead: bool = False
    untold: int = 0
    stuck: list[Ask] = field(default_factory=list)


class Sharing(RuleBasedStateMachine):
    """Four replicas whose words are lost, come late or are not answered, and which die and come back."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.sequence = 0
        self.claims: dict[str, Claim] = {}
        self.replicas = [Replica(name) for name in "abcd"]
        self.beats = {each.name: NOW for each in self.replicas}
        self.overspent = 0

    def _word(self, replica: Replica, wanted: int, *, with_more: bool) -> Ask:
        self.sequence += 1
        said = ask(
            replica=replica.name,
            sequence=self.sequence,
            mine=replica.allowance,
            used=replica.used,
            wanted=max(wanted, replica.used),
            with_more=with_more,
            lasting_ms=10**9,
            settled=replica.settled,
        )
        replica.allowance = min(replica.allowance, said.wanted)
        return said

    def _valkey(self, said: Ask) -> Answer | Late:
        """As it would carry out a word, whenever it arrives."""
        heard = answer(Book(self.claims, self.beats, self.now), said)
        if isinstance(heard, Answer):
            self.claims[said.replica] = Claim(heard.allowance, said.used, said.sequence, said.settled)
        return heard

    def _hear(self, replica: Replica, said: Ask) -> None:
        heard = self._valkey(said)
        if isinstance(heard, Answer):
            replica.allowance, replica.untold = heard.allowance, 0
            replica.elsewhere = heard.others_settled

    @rule(which=PEERS, need=AMOUNTS, more=st.booleans())
    def asks_for_more(self, which, need, more):
        replica = self.replicas[which]
        if not replica.is_dead:
            self._hear(replica, self._word(replica, replica.used + need, with_more=more))

    @rule(which=PEERS, keep=st.integers(0, 20))
    def gives_back(self, which, keep):
        replica = self.replicas[which]
        if not replica.is_dead:
            self._hear(replica, self._word(replica, min(replica.allowance, replica.used + keep), with_more=False))

    @rule(which=PEERS, need=st.integers(-40, 40))
    def a_word_gets_stuck(self, which, need):
        replica = self.replicas[which]
        if not replica.is_dead:
            replica.stuck.append(self._word(replica, max(0, replica.used + need), with_more=True))

    @precondition(lambda self: any(each.stuck for each in self.replicas))
    @rule(which=PEERS)
    def a_stuck_word_arrives_and_its_answer_is_lost(self, which):
        if self.replicas[which].stuck:
            self._valkey(self.replicas[which].stuck.pop())

    @rule(which=PEERS, amount=AMOUNTS)
    def uses(self, which, amount):
        replica = self.replicas[which]
        if not replica.is_dead:
            taken = min(amount, replica.allowance - replica.used)
            if taken > 0:
                replica.used += taken
                replica.untold += taken

    @rule(which=PEERS, amount=AMOUNTS)
    def settles_below(self, which, amount):
        replica = self.replicas[which]
        less = min(amount, replica.untold, replica.used - replica.settled)
        replica.used -= less
        replica.untold -= less

    @rule(which=PEERS, amount=AMOUNTS)
    def settles(self, which, amount):
        replica = self.replicas[which]
        replica.settled += min(amount, replica.used - replica.settled)

    @rule()
    def all_tell_twice(self):
        living = [each for each in self.replicas if not each.is_dead]
        for each in (*living, *living):
            self._hear(each, self._word(each, each.allowance, with_more=False))
        if len(living) == len(self.replicas):
            for each in living:
                assert each.elsewhere == sum(other.settled for other in living if other is not each)

    @rule(which=PEERS)
    def dies(self, which):
        replica = self.replicas[which]
        if not replica.is_dead:
            replica.is_dead = True
            replica.stuck.clear()
            self.beats[replica.name] = self.now - DEAD_MS - 1
            self.overspent += replica.untold

    @rule(which=PEERS)
    def comes_back_with_what_its_ledger_knows(self, which):
        replica = self.replicas[which]
        if replica.is_dead:
            replica.is_dead, replica.allowance = False, 0
            self.beats[replica.name] = self.now
            self._hear(replica, self._word(replica, replica.used, with_more=False))

    @invariant()
    def never_more_than_the_limit_and_what_the_dead_had_not_told(self):
        together = sum(each.used if each.is_dead else max(each.allowance, each.used) for each in self.replicas)
        assert together <= LIMIT + self.overspent

    @invariant()
    def no_budget_looks_spent_that_is_not(self):
        for each in self.replicas:
            assert each.elsewhere <= sum(other.settled for other in self.replicas if other is not each)

    @invariant()
    def valkey_never_believes_less_than_a_living_replica_may_use(self):
        for each in self.replicas:
            known = self.claims.get(each.name, Claim(0, 0, 0))
            assert each.is_dead or each.allowance <= max(known.allowance, known.used)


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
