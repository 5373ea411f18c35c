"""A key's or a Budget's account as part of its status.

What was written before stays where nobody says anything newer; and as long as a replica has not been heard of, a sum that is
smaller than the one before it, of the same period, is not believed.
"""

from datetime import datetime
from decimal import Decimal, InvalidOperation

from ostiary_operator.api.apikey import ApiKeySpec, KeyUsage
from ostiary_operator.api.budget import BudgetSpec, BudgetStatus
from ostiary_operator.status.statement import Account, Statement, balance, money

_DAY = len("2026-11-21")


def key_usage(key_id: str, spec: ApiKeySpec, before: KeyUsage | None, said: Statement | None, now: datetime) -> KeyUsage | None:
    """None where nothing is known of it."""
    if said is None:
        return before
    account = said.keys.get(key_id)
    if account is None and before and not said.complete:
        return before
    account = account or Account()
    today = now.date().isoformat()
    if before and not said.complete:
        account = _not_less(account, before, today)
    tokens, spent = account.tokens, account.spent
    left = balance(spec.budget, spent, tokens) if spec.budget else None
    return KeyUsage(
        spent=money(spent),
        tokens=tokens,
        budget=left.limit if left else "",
        unit=left.unit if left else "",
        remaining=left.remaining if left else "",
        percent=left.percent if left else None,
        period=account.period,
        requests_today=account.requests_today if account.last_used[:_DAY] == today else 0,
        last_used=account.last_used or None,
    )


def budget_usage(identity: str, spec: BudgetSpec, before: BudgetStatus, said: Statement | None) -> BudgetStatus:
    """Its numbers, without conditions."""
    account = said.budgets.get(identity) if said else None
    if said is None or account is None:
        known, period, ends = balance(spec, *_before(before, spec)), before.period, before.period_ends
    else:
        spent, tokens = account.spent, account.tokens
        if not said.complete and before.period == account.period:
            earlier = _before(before, spec)
            spent, tokens = max(spent, earlier[0]), max(tokens, earlier[1])
        known, period, ends = balance(spec, spent, tokens), account.period, account.ends
    return BudgetStatus(
        limit=known.limit,
        unit=known.unit,
        spent=known.spent,
        remaining=known.remaining,
        percent=known.percent,
        period=period,
        period_ends=ends,
    )


def _not_less(account: Account, before: KeyUsage, today: str) -> Account:
    same = before.period == account.period
    used_today = (before.last_used or "")[:_DAY] == today
    return Account(
        period=account.period,
        ends=account.ends,
        spent=max(account.spent, _number(before.spent)) if same else account.spent,
        tokens=max(account.tokens, before.tokens) if same else account.tokens,
        requests_today=max(account.requests_today, (before.requests_today or 0) if used_today else 0),
        last_used=max(account.last_used, before.last_used or ""),
    )


def _before(before: BudgetStatus, spec: BudgetSpec) -> tuple[Decimal, int]:
    """Money and tokens as they were written, as far as they are of the unit that counts now."""
    number = _number(before.spent)
    if before.unit == "Tokens" and spec.tokens is not None:
        return Decimal(0), int(number)
    return (number if before.unit == "USD" and spec.tokens is None else Decimal(0)), 0


def _number(text: str) -> Decimal:
    try:
        return Decimal(text or 0)
    except InvalidOperation:
        return Decimal(0)
