"""From the terms of a key to its limits: which accounts a request draws on, in the order in which they refuse."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from ostiary_gateway.contract.limits import (
    SLOT_MS,
    WINDOW_MS,
    Budget,
    Purse,
    PurseUnit,
    Rate,
    RateUnit,
    Terms,
    Window,
    purse_name,
)

NANO = 1_000_000_000
_LETTERS: dict[RateUnit, PurseUnit] = {"requests": "r", "tokens": "t", "input_tokens": "i", "output_tokens": "o"}
_ORDER = "rtiocmk"


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """At most `most` of an account, in the units of its letter.

    `account` is what replicas share it under, `fold` what the ledger adds it up under (budgets only). `key_id` is whose it is
    (empty for a budget that keys share), `model` the one it is limited for on its own.
    """

    account: str
    purse: str
    unit: PurseUnit
    most: int
    window: Window | None = None
    budget: Budget | None = None
    fold: str = ""
    key_id: str = ""
    model: str = ""

    @property
    def slot_ms(self) -> int:
        """Length of a slot; 0 where there is only one purse."""
        return SLOT_MS[self.window] if self.window else 0

    @property
    def window_ms(self) -> int:
        return WINDOW_MS[self.window] if self.window else 0

    @property
    def as_purse(self) -> Purse:
        shown = {"r": "requests", "t": "tokens", "i": "input_tokens", "o": "output_tokens"}.get(self.unit, "")
        return Purse(name=self.purse, slot_ms=self.slot_ms, shown=shown)


def limits_of(key_id: str, terms: Terms, budgets: Mapping[str, Budget], model: str) -> tuple[Limit, ...]:
    """All limits on a request.

    Args:
        key_id: whose request it is.
        terms: those of the key.
        budgets: the document's, by id.
        model: the resolved model; empty leaves out what is limited for each model on its own.
    """
    found = (*_rates(key_id, terms, model), *_slots(key_id, terms, model), *_budgets(key_id, terms, budgets))
    return tuple(sorted(found, key=lambda limit: _ORDER.index(limit.unit)))


def nanodollars(amount: str) -> int:
    """A decimal amount of US dollars, rounded down; 0 for what is no number."""
    try:
        value = Decimal(amount)
    except InvalidOperation:
        return 0
    return int(value * NANO) if value.is_finite() and value > 0 else 0


def _rates(key_id: str, terms: Terms, model: str) -> Iterator[Limit]:
    for rate in terms.rates:
        if rate.most > 0 and (rate.per == "key" or model):
            yield _rate(key_id, model if rate.per == "model" else "", rate)


def _rate(key_id: str, model: str, rate: Rate) -> Limit:
    account = f"{_whose(key_id, model)}#{rate.unit}/{rate.window}"
    unit = _LETTERS[rate.unit]
    name = purse_name(unit, account)
    return Limit(account=account, purse=name, unit=unit, most=rate.most, window=rate.window, key_id=key_id, model=model)


def _slots(key_id: str, terms: Terms, model: str) -> Iterator[Limit]:
    if terms.concurrency > 0:
        yield _slot(key_id, "", terms.concurrency)
    if terms.concurrency_per_model > 0 and model:
        yield _slot(key_id, model, terms.concurrency_per_model)


def _slot(key_id: str, model: str, most: int) -> Limit:
    account = f"{_whose(key_id, model)}#slots"
    return Limit(account=account, purse=purse_name("c", account), unit="c", most=most, key_id=key_id, model=model)


def _whose(key_id: str, model: str) -> str:
    return f"key/{key_id}/{model}" if model else f"key/{key_id}"


def _budgets(key_id: str, terms: Terms, budgets: Mapping[str, Budget]) -> Iterator[Limit]:
    if terms.budget and terms.budget.action == "reject":
        yield budget_limit(f"key/{key_id}", terms.budget, key_id)
    for name in terms.budgets:
        budget = budgets.get(name)
        if budget and budget.action == "reject":
            yield budget_limit(f"budget/{name}", budget)


def budget_limit(fold: str, budget: Budget, key_id: str = "") -> Limit:
    """The account of a budget, whether it rejects or warns. `fold` is `key/<key id>` or `budget/<id>`."""
    unit: PurseUnit = "m" if budget.amount else "k"
    most = nanodollars(budget.amount) if budget.amount else budget.tokens
    account = f"{fold}#{budget.period}"
    name = purse_name(unit, account)
    return Limit(account=account, purse=name, unit=unit, most=most, budget=budget, fold=fold, key_id=key_id)
