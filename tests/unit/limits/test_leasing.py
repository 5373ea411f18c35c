from decimal import Decimal

import pytest

from ostiary_gateway.contract.limits import Budget, Rate, Terms
from ostiary_gateway.limits import leasing
from ostiary_gateway.limits.allowances import LocalAllowances
from ostiary_gateway.limits.kinds import open_account
from ostiary_gateway.limits.leasing import Claim
from ostiary_gateway.limits.terms import limits_of

NOW = 1_795_276_800_000  # 2026-11-21T16:00:00Z


def account(**terms):
    (limit,) = limits_of("k", Terms(**terms), {}, "m")
    return open_account(limit, NOW)


def per_minute(most, unit="requests"):
    return account(rates=(Rate(unit=unit, window="minute", most=most),))


def most(one):
    return one.limit.most


def claim(one, amount=1, now=NOW):
    return Claim(one, now // 1000 if one.limit.window else 0, amount)


def lease(one, amount=1, now=NOW):
    one.roll(now)
    (grant,) = leasing.grant([claim(one, amount, now)], most, now)
    return grant


def test_tp_15_a_lease_gives_nginx_half_of_what_is_left():
    grant = lease(per_minute(100))
    assert (grant.amount, grant.extra, grant.limit, grant.beyond) == (1, 49, 100, 50)
    assert grant.reset_ms == NOW + 1000 + 60_000


def test_tp_08_a_window_slides_and_frees_each_slot_when_all_of_it_has_left():
    window = per_minute(3)
    lease(window, 2)
    later = NOW + 30_000
    lease(window, 1, later)
    short = leasing.first_short([claim(window, 1, later)], most)
    shortage = leasing.refused(short, 3, later)
    assert (shortage.refusal.status, shortage.refusal.message) == (429, "rate limit exceeded")
    assert shortage.retry_after_ms == NOW + 61_000 - later
    window.roll(NOW + 60_999)
    assert window.claimed == 3
    window.roll(NOW + 61_000)
    assert window.claimed == 1


def test_tp_08_a_wait_is_as_long_as_it_takes_for_enough_to_leave():
    window = per_minute(10, "tokens")
    for second, tokens in ((0, 4), (10, 3), (20, 3)):
        now = NOW + second * 1000
        window.grant(now // 1000, tokens, 0, now)
    now = NOW + 25_000
    assert window.free_at(2, 10, now) == NOW + 61_000
    assert window.free_at(5, 10, now) == NOW + 71_000
    assert window.free_at(10, 10, now) == NOW + 81_000
    assert window.free_at(11, 10, now) == 0


def test_a_request_larger_than_the_limit_is_not_told_to_try_again():
    shortage = leasing.too_large(claim(per_minute(10, "tokens"), 11), NOW)
    assert (shortage.refusal.status, shortage.retry_after_ms, shortage.hold_ms) == (429, 0, 0)


def test_reserved_tokens_may_turn_out_fewer_so_nginx_soon_asks_again():
    window = per_minute(10, "tokens")
    lease(window, 10)
    assert leasing.refused(claim(window), 10, NOW).hold_ms == 50
    window.settle(NOW // 1000, 10)
    window.add_truth(NOW // 1000, 10, NOW)
    assert leasing.refused(claim(window), 10, NOW).hold_ms == 250


def test_slots_that_are_taken():
    slots = account(concurrency=2)
    lease(slots, 2)
    shortage = leasing.refused(claim(slots), 2, NOW)
    assert (shortage.refusal.status, shortage.refusal.code, shortage.retry_after_ms) == (429, "concurrency_exceeded", 1000)


@pytest.mark.parametrize("period", ["hourly", "daily", "weekly", "monthly", "total"])
def test_tp_09_gz_03_a_budget_that_is_spent_tells_its_period_and_no_balance(period):
    budget = account(budget=Budget(amount="12.34", period=period))
    budget.begin((Decimal("12.34"), 0, 3))
    shortage = leasing.spent(claim(budget), budget.limit.most, NOW)
    assert (shortage.refusal.status, shortage.refusal.message) == (402, f"{period} budget exceeded")
    assert (shortage.retry_after_ms, shortage.hold_ms) == (0, 250)


def test_a_budget_that_is_not_quite_spent_is_asked_for_each_time():
    budget = account(budget=Budget(amount="1"))
    budget.begin((Decimal("0.9"), 0, 3))
    assert leasing.spent(claim(budget, 10**9), budget.limit.most, NOW).hold_ms == 0


def test_a_budget_that_others_have_reserved():
    budget = account(budget=Budget(amount="1"))
    lease(budget, 10**9)
    short = claim(budget, 10**8)
    assert not short.is_hopeless(budget.limit.most)
    shortage = leasing.reserved(short, NOW)
    assert (shortage.refusal.status, shortage.refusal.code, shortage.retry_after_ms) == (429, "budget_reserved", 1000)


def test_a_budget_is_held_as_spent_only_where_all_replicas_used_it_up():
    budget = account(budget=Budget(amount="1"))
    budget.begin((Decimal("0.4"), 0, 3))
    assert leasing.spent(claim(budget, 10**9), 4 * 10**8, NOW).hold_ms == 250
    assert leasing.spent(claim(budget, 10**9), 4 * 10**8 + 1, NOW).hold_ms == 0


@pytest.mark.parametrize(("reach", "hold"), [(10, 0), (5, 0), (4, 250)])
def test_a_limit_of_which_others_may_give_some_back_is_asked_for_each_time(reach, hold):
    slots, window = account(concurrency=10), per_minute(10)
    for one in (slots, window):
        one.grant(NOW // 1000 if one.limit.window else 0, 4, 0, NOW)
        assert leasing.refused(claim(one), 4, NOW, reach).hold_ms == hold


def test_a_credit_gives_more_than_the_budget():
    budget = account(budget=Budget(amount="1"))
    budget.spend(NOW // 900_000, (Decimal("-0.5"), 0, 0))
    assert lease(budget, 10**9).extra == 25 * 10**7


def test_money_is_rounded_up_once_and_not_with_each_request():
    budget = account(budget=Budget(amount="1"))
    for _ in range(10):
        budget.spend(NOW // 900_000, (Decimal("0.0000000001"), 1, 1))
    assert (budget.used, budget.spent) == (1, (Decimal("0.0000000010"), 10, 10))


def test_a_finer_estimate_takes_less_of_tokens_and_of_money():
    tokens, money = claim(per_minute(10_000, "tokens"), 5000), claim(account(budget=Budget(amount="1")), 9_000_000)
    requests = claim(per_minute(5))
    for one in (tokens, money, requests):
        one.refine(800, 2_500_000)
    assert (tokens.amount, money.amount, requests.amount) == (4200, 7_000_000, 1)


def test_a_request_that_waited_takes_from_the_slot_it_goes_on_in():
    rate, budget = claim(per_minute(5)), claim(account(budget=Budget(amount="1")))
    for one in (rate, budget):
        one.move_to(NOW + 2500)
    assert (rate.slot, budget.slot) == (NOW // 1000 + 2, 0)


def test_replicas_have_parts_that_add_up_to_the_limit():
    parts = [LocalAllowances(3, ordinal).allowed("key/k#slots", "", 100) for ordinal in range(3)]
    assert parts == [34, 33, 33]
    assert sum(LocalAllowances(4, n).allowed("key/k#slots", "", 3) for n in range(4)) == 3
    assert LocalAllowances().allowed("key/k#slots", "", 7) == 7
