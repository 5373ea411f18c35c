from decimal import Decimal

from ostiary_gateway.contract.lease import ROUND
from ostiary_gateway.contract.limits import Budget, Rate, Terms
from ostiary_gateway.limits.terms import limits_of
from ostiary_gateway.limits.treasury import Answer, Loaded, Told, Treasury

NOW = 1_795_276_800_000
(BUDGET,) = limits_of("k", Terms(budget=Budget(tokens=100, period="hourly")), {}, "m")
(RATE,) = limits_of("k", Terms(rates=(Rate(unit="requests", window="minute", most=10),)), {}, "m")
(SLOTS,) = limits_of("k", Terms(concurrency=5), {}, "m")
SLOT = NOW // 1000


class Ledger:
    """What it would say, and how often it was asked."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    def load(self, limit, epoch, span):
        self.asked.append((limit.purse, epoch, span))
        return self.answers.get(limit.purse, Loaded(0, (Decimal(0), 0, 0) if limit.fold else None, {}, {}))


def treasury(epoch="e1", purses=None, **loaded):
    ledger = Ledger()
    ledger.answers = loaded.get("answers", {})
    made = Treasury(ledger.load)
    made.begin(epoch, purses or {})
    return made, ledger


def most(account):
    return account.limit.most


def look(made, epoch, purses, asked):
    for _ in made.look(epoch, purses, asked):
        pass


def surplus(made, allowed, now, *, is_shared):
    return {key: amount for part in made.surplus(allowed, now, is_shared=is_shared) for key, amount in part.items()}


def test_an_account_is_what_the_ledger_and_nginx_know_of_it():
    answers = {BUDGET.purse: Loaded(7, (Decimal(1), 20, 3), {BUDGET.purse: 30}, {})}
    made, ledger = treasury(purses={BUDGET.purse: (5, 60, 10), "k000000000000": (1, 1, 0)}, answers=answers)
    account = made.get(BUDGET, NOW)
    assert (account.used, account.out, account.claimed) == (20, 20, 40)
    assert ledger.asked == [(BUDGET.purse, "e1", (account.span.start, account.span.end))]
    made.get(BUDGET, NOW)
    assert len(ledger.asked) == 1


def test_a_window_is_known_by_its_slots():
    answers = {
        RATE.purse: Loaded(1, None, {f"{RATE.purse}.{SLOT}": 2}, {f"{RATE.purse}.{SLOT}": 2, f"{RATE.purse}.{SLOT - 90}": 9})
    }
    made, _ = treasury(purses={f"{RATE.purse}.{SLOT}": (1, 4, 0)}, answers=answers)
    assert made.get(RATE, NOW).claimed == 2 + 2


def test_a_commit_that_an_account_was_loaded_with_does_not_count_twice():
    answers = {BUDGET.purse: Loaded(7, (Decimal(1), 20, 3), {}, {})}
    made, _ = treasury(answers=answers)
    account = made.get(BUDGET, NOW)
    spent = {("key/k", NOW // 900_000): (Decimal(1), 5, 1)}
    assert made.settled(Told(7, spent, {}, {}), NOW) == set()
    assert account.used == 20
    assert made.settled(Told(8, spent, {}, {}), NOW) == {BUDGET.purse}
    assert account.used == 25


def test_tp_09_what_ends_after_a_period_counts_in_the_next():
    made, _ = treasury()
    account = made.get(BUDGET, NOW)
    account.grant(0, 60, 0, NOW)
    end = account.span.end
    made.settled(Told(1, {("key/k", end // 900): (Decimal(0), 40, 1)}, {("e1", BUDGET.purse): 60}, {}), NOW)
    assert account.claimed == 0
    made.get(BUDGET, end * 1000)
    assert (account.period, account.used) == ("hourly 2026-11-21T17", 40)


def test_late_records_of_a_period_that_is_over_change_nothing():
    made, _ = treasury()
    account = made.get(BUDGET, NOW)
    made.settled(Told(1, {("key/k", NOW // 900_000 - 1): (Decimal(0), 40, 1)}, {}, {}), NOW)
    assert account.used == 0


def test_requests_under_way_when_a_period_ends_count_in_the_next():
    made, _ = treasury()
    account = made.get(BUDGET, NOW)
    account.grant(0, 60, 0, NOW)
    later = made.get(BUDGET, account.span.end * 1000)
    assert (later.used, later.claimed) == (0, 60)


def test_surplus_is_what_is_worth_nothing_in_nginx():
    made, _ = treasury()
    for limit in (BUDGET, RATE):
        made.get(limit, NOW).grant(0 if limit is BUDGET else SLOT, 1, 9, NOW)
    purses = {BUDGET.purse: (9, 10, 0), f"{RATE.purse}.{SLOT}": (9, 10, 0), "m123456789012": (4, 8, 0)}
    look(made, "e1", purses, NOW)
    assert surplus(made, most, NOW, is_shared=False) == {"m123456789012": 4}
    later = NOW + 1300
    assert surplus(made, most, later, is_shared=False) == {"m123456789012": 4, f"{RATE.purse}.{SLOT}": 9}
    lowered = most(made.get(BUDGET, NOW)) and (lambda account: 3)
    assert surplus(made, lowered, NOW, is_shared=False)[BUDGET.purse] == 7


def test_replicas_that_share_get_what_lay_idle_for_two_seconds():
    made, _ = treasury()
    made.get(BUDGET, NOW).grant(0, 1, 9, NOW)
    for second in range(4):
        look(made, "e1", {BUDGET.purse: (9, 10, 0)}, NOW + second * 1000)
    assert surplus(made, most, NOW + 3001, is_shared=False) == {}
    assert surplus(made, most, NOW + 3001, is_shared=True) == {BUDGET.purse: 9}
    look(made, "e1", {BUDGET.purse: (8, 10, 0)}, NOW + 4000)
    assert surplus(made, most, NOW + 4500, is_shared=True) == {}


def test_what_nginx_gave_back_by_itself_is_not_counted_twice():
    made, _ = treasury()
    account = made.get(RATE, NOW)
    account.grant(SLOT, 1, 9, NOW)
    key = f"{RATE.purse}.{SLOT}"
    look(made, "e1", {key: (9, 10, 0)}, NOW)
    look(made, "e1", {key: (0, 10, 9)}, NOW + 100)  # drained, and the ask that tells of it is still on its way
    assert account.claimed == 1
    made.returned(RATE.purse, SLOT, 9)
    assert account.claimed == 1
    made.returned("r000000000000", SLOT, 9)


def test_tp_08_an_answer_that_is_overtaken_makes_an_account_no_emptier():
    made, _ = treasury()
    account = made.get(RATE, NOW)
    key = f"{RATE.purse}.{SLOT}"
    account.grant(SLOT, 2, 3, NOW)
    look(made, "e1", {key: (3, 5, 0)}, NOW)
    answer = Answer(taken=0, granted=5, back=0)  # on its way while nginx drains the slot and tells of it
    made.returned(RATE.purse, SLOT, 3)
    account.grant(SLOT, 3, 0, NOW)  # on its way to nginx
    made.taken("e1", key, answer, 0, NOW)
    look(made, "e1", {key: (0, 5, 3)}, NOW + 10)
    assert account.claimed == 2 + 3
    look(made, "e1", {key: (0, 8, 3)}, NOW + 20)
    look(made, "e1", {key: (3, 5, 0)}, NOW + 5)
    assert account.claimed == 2 + 3


def test_an_answer_of_another_nginx_says_nothing_of_what_this_one_was_given():
    made, _ = treasury()
    account = made.get(BUDGET, NOW)
    account.grant(0, 60, 0, NOW)
    made.taken("e2", BUDGET.purse, Answer(taken=0, granted=0, back=0), 60, NOW + 4000)
    assert account.claimed == 60
    look(made, "e2", {}, NOW + 4000)
    assert account.claimed == 60


def test_numbers_of_nginx_begin_anew_before_they_are_not_exact_any_more():
    made, _ = treasury(purses={BUDGET.purse: (5, 20, ROUND - 10)})
    account = made.get(BUDGET, NOW)
    assert account.claimed == 30
    account.grant(0, 10, ROUND // 4, NOW)
    look(made, "e1", {BUDGET.purse: (9, 30 + ROUND // 4, ROUND + 5)}, NOW)
    assert account.claimed == 25 + ROUND // 4
    assert not account.is_awaited
    again, _ = treasury(
        purses={BUDGET.purse: (9, 30, 5)},
        answers={BUDGET.purse: Loaded(7, (Decimal(0), 0, 0), {BUDGET.purse: 3 * ROUND + 1}, {})},
    )
    assert again.get(BUDGET, NOW).claimed == 24


def test_an_account_that_was_let_go_begins_with_what_was_known_of_it():
    answers = {BUDGET.purse: Loaded(7, (Decimal(0), 0, 0), {BUDGET.purse: 30}, {})}
    made, _ = treasury(purses={BUDGET.purse: (0, 40, 10)}, answers=answers)
    made.get(BUDGET, NOW)
    made.prune(NOW + 601_000, is_shared=False)
    assert len(made) == 0
    account = made.get(BUDGET, NOW + 601_000)
    account.grant(0, 5, 0, NOW + 601_000)
    assert account.claimed == 5


def test_a_grant_that_never_arrived_comes_back():
    made, _ = treasury()
    account = made.get(SLOTS, NOW)
    account.grant(0, 1, 4, NOW)
    look(made, "e1", {}, NOW + 2000)
    assert account.claimed == 5
    look(made, "e1", {}, NOW + 3001)
    assert account.claimed == 0


def test_slots_of_an_nginx_that_is_gone_are_free_at_once_and_money_when_the_ledger_has_it():
    made, _ = treasury()
    for limit in (SLOTS, BUDGET):
        made.get(limit, NOW).grant(0, 5, 0, NOW)
    look(made, "e1", {SLOTS.purse: (0, 5, 0), BUDGET.purse: (0, 5, 0)}, NOW)
    look(made, "e2", {}, NOW + 1000)
    assert (made.get(SLOTS, NOW).claimed, made.get(BUDGET, NOW).claimed) == (0, 5)
    made.settled(Told(1, {}, {("e1", BUDGET.purse): 2}, {}), NOW)
    assert made.get(BUDGET, NOW).claimed == 3
    made.bury()
    assert made.get(BUDGET, NOW).claimed == 0


def test_what_a_new_nginx_settled_before_it_was_heard_of_counts():
    made, _ = treasury()
    account = made.get(BUDGET, NOW)
    made.settled(Told(1, {}, {("e2", BUDGET.purse): 4}, {}), NOW)
    look(made, "e2", {BUDGET.purse: (0, 10, 0)}, NOW)
    assert account.claimed == 6


def test_another_calendar_adds_up_anew_and_keeps_what_nginx_has():
    made, ledger = treasury()
    made.get(BUDGET, NOW).grant(0, 5, 0, NOW)
    (moved,) = limits_of("k", Terms(budget=Budget(tokens=50, period="hourly", time_zone="Asia/Kolkata")), {}, "m")
    assert moved.purse == BUDGET.purse
    account = made.get(moved, NOW)
    assert (account.claimed, account.span.start % 3600, account.limit.most) == (5, 1800, 50)
    assert len(ledger.asked) == 2
    assert made.named("key/k#hourly") == [account]


def test_accounts_that_nobody_asks_for_are_let_go():
    made, _ = treasury()
    made.get(BUDGET, NOW)
    made.get(SLOTS, NOW).grant(0, 1, 0, NOW)
    made.prune(NOW + 599_000, is_shared=False)
    assert len(made) == 2
    made.prune(NOW + 601_000, is_shared=False)
    assert [account.limit for account in made] == [SLOTS]
    assert made.settled(Told(1, {("key/k", NOW // 900_000): (Decimal(1), 1, 1)}, {}, {}), NOW) == set()


def test_what_is_used_stays_claimed_where_replicas_share():
    made, _ = treasury(answers={BUDGET.purse: Loaded(7, (Decimal(1), 20, 3), {}, {})})
    made.get(BUDGET, NOW)
    made.prune(NOW + 601_000, is_shared=True)
    assert [account.claimed for account in made.named("key/k#hourly")] == [20]
    made.prune(NOW + 3_600_000, is_shared=True)  # the hour is over
    assert made.named("key/k#hourly") == []


def test_very_many_purses_are_looked_at_a_part_at_a_time():
    made, _ = treasury()
    purses = {f"r{n:012x}": (1, 1, 0) for n in range(1200)}
    assert len(list(made.look("e1", purses, NOW))) == 2
    assert [len(part) for part in made.surplus(most, NOW, is_shared=False)] == [500, 500, 200]
