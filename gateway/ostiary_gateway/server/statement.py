"""`GET /statement`: what the keys and budgets of the bundle have used on this replica, and what of it is new since a cursor."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from ostiary_gateway.contract.limits import Budget
from ostiary_gateway.contract.record import Record
from ostiary_gateway.decide.index import Index
from ostiary_gateway.limits import periods
from ostiary_gateway.limits.balances import Balance, Spending
from ostiary_gateway.limits.terms import NANO, budget_limit
from ostiary_gateway.server.accounts import Accounts
from ostiary_gateway.server.clock import now_ms
from ostiary_gateway.server.ledger_port import SumsPort
from ostiary_gateway.server.live import Live
from ostiary_gateway.server.reported import rfc3339
from ostiary_gateway.telemetry.labels import OTHER
from ostiary_gateway.telemetry.limits import BudgetNumbers, LimitNumbers

_KEY, _BUDGET = "key/", "budget/"
_MONTH = Budget(amount="0", action="warn")
_DAY = Budget(amount="0", period="daily", action="warn")
_MOST_UNPRICED = 200
_UNKNOWN_PRICES = (None, "default")


class _Entry:
    """What one key or budget has used. `version` is that of the statement in which it changed last."""

    __slots__ = ("budget", "last_used", "own", "today", "version")

    def __init__(self, budget: Budget | None, own: Balance, today: Balance | None, last_used: int, version: int) -> None:
        self.budget = budget
        self.own = own
        self.today = today
        self.last_used = last_used
        self.version = version

    @property
    def balances(self) -> tuple[Balance, ...]:
        return (self.own, self.today) if self.today else (self.own,)

    def roll(self, now: int) -> bool:
        """Returns: whether a period has ended."""
        before = [balance.period for balance in self.balances]
        for balance in self.balances:
            balance.roll(now)
        return before != [balance.period for balance in self.balances]


class Statement:
    """Sums of this replica's ledger; the operator adds up replicas. Another bundle makes another statement."""

    def __init__(self, live: Live, accounts: Accounts, ledger: SumsPort, numbers: LimitNumbers) -> None:
        self._live = live
        self._accounts = accounts
        self._ledger = ledger
        self._numbers = numbers
        self._unpriced: dict[str, None] = {}
        self._begin("")
        numbers.watch_budgets(self._budgets)

    async def told(self, request: web.Request) -> web.Response:
        """JSON of everything, or of what changed since `?after=<cursor>`."""
        return web.Response(body=self.since(request.query.get("after", "")), content_type="application/json")

    def since(self, cursor: str) -> bytes:
        """The statement as JSON; all of it (`complete`) where the cursor is none of this one's.

        Before this process knows anything it says nothing, and has no cursor.
        """
        if self._current() is None:
            return msgspec.json.encode({"cursor": "", "complete": False, **self._changes({})})
        instance, _, number = cursor.partition(".")
        is_known = instance == self._instance and number.isdecimal()
        after = int(number) if is_known else -1
        now = now_ms()
        for entry in self._entries.values():
            if entry.roll(now):
                entry.version = self._next()
        changed = {fold: entry for fold, entry in self._entries.items() if entry.version > after}
        cursor = f"{self._instance}.{self._version}"
        return msgspec.json.encode({"cursor": cursor, "complete": not is_known, **self._changes(changed)})

    def unpriced(self) -> Sequence[str]:
        """Models that were used without a known price, as `<provider>/<model>`, since this process began."""
        return sorted(self._unpriced)

    def note(self, records: Sequence[Record]) -> None:
        """These are in the ledger."""
        for record in records:
            usage = record.usage
            if record.price_source in _UNKNOWN_PRICES and (usage.input_tokens or usage.output_tokens):
                self._note_unpriced(record)

    def settled(self, sequence: int, spent: Mapping[tuple[str, int], Spending], last_used: Mapping[str, int]) -> None:
        """The sums of the ledger have grown by this."""
        if self._current() is None:
            return
        version = self._next()
        for (fold, quarter), spending in spent.items():
            entry = self._entry(fold)
            if entry:
                self._spend(entry, quarter, spending, sequence)
                entry.version = version
        for fold in {fold for fold, _ in spent} & self._entries.keys():
            for balance in self._entries[fold].balances:
                balance.seen = max(balance.seen, sequence)
        for fold, at in last_used.items():
            if fold in self._entries:
                self._entries[fold].last_used = max(at, self._entries[fold].last_used)

    def rebuilt(self) -> None:
        """Every sum of the ledger was counted anew."""
        self._begin("")

    def _changes(self, changed: Mapping[str, _Entry]) -> dict[str, Any]:
        allowances = self._accounts.allowances
        return {
            "keys": {fold.removeprefix(_KEY): _key(e) for fold, e in changed.items() if fold.startswith(_KEY)},
            "budgets": {fold.removeprefix(_BUDGET): _shared(e) for fold, e in changed.items() if fold.startswith(_BUDGET)},
            "unpriced": self.unpriced(),
            "sharing": {"mode": allowances.mode, "problem": allowances.problem, "bound": allowances.bound},
        }

    def _begin(self, digest: str) -> None:
        self._digest = digest
        self._instance = secrets.token_hex(6)
        self._version = 0
        self._entries: dict[str, _Entry] = {}

    def _current(self) -> Index | None:
        """The index in use; where it is another one than last time, everything is added up for it."""
        index = self._live.index
        if index is None or not self._accounts.is_ready:
            return None
        if index.digest != self._digest:
            self._begin(index.digest)
            self._last_used = self._ledger.sums.last_used()
            for fold in (*self._last_used, *(_BUDGET + name for name in index.budgets)):
                self._entry(fold)
        return index

    def _entry(self, fold: str) -> _Entry | None:
        """That of a key or a budget which the bundle has."""
        if fold not in self._entries:
            entry = self._open(fold)
            if entry is None:
                return None
            self._entries[fold] = entry
        return self._entries[fold]

    def _open(self, fold: str) -> _Entry | None:
        index = self._live.index
        if index is None:
            return None
        if fold.startswith(_BUDGET):
            budget = index.budgets.get(fold.removeprefix(_BUDGET))
            return _Entry(budget, self._balance(fold, budget), None, 0, self._version) if budget else None
        key = index.held_keys().get(fold.removeprefix(_KEY))
        if key is None:
            return None
        own = self._balance(fold, key.terms.budget or _MONTH)
        return _Entry(key.terms.budget, own, self._balance(fold, _DAY), self._last_used.get(fold, 0), self._version)

    def _balance(self, fold: str, budget: Budget) -> Balance:
        return self._accounts.balance(budget_limit(fold, budget))

    def _spend(self, entry: _Entry, quarter: int, spending: Spending, sequence: int) -> None:
        before = entry.own.used
        for balance in entry.balances:
            if balance.seen < sequence:
                balance.spend(quarter, spending)
        most = entry.own.limit.most
        if entry.budget and entry.budget.id and most:
            for percent in entry.budget.thresholds:
                if before * 100 < percent * most <= entry.own.used * 100:
                    self._numbers.crossed(entry.budget.id, percent)

    def _next(self) -> int:
        self._version += 1
        return self._version

    def _note_unpriced(self, record: Record) -> None:
        index = self._live.index
        names = {provider.name for provider in index.document.providers} if index else set()
        self._numbers.unpriced(record.provider if record.provider in names else OTHER)
        name = f"{record.provider}/{record.model or record.requested_model or ''}"
        if len(self._unpriced) < _MOST_UNPRICED:
            self._unpriced[name] = None

    def _budgets(self) -> Iterator[BudgetNumbers]:
        for fold, entry in tuple(self._entries.items()):
            if fold.startswith(_BUDGET):
                is_money = entry.own.limit.unit == "m"
                unit, scale = ("usd", NANO) if is_money else ("tokens", 1)
                yield BudgetNumbers(fold.removeprefix(_BUDGET), unit, entry.own.used / scale, entry.own.limit.most / scale)


def _key(entry: _Entry) -> dict[str, Any]:
    today = entry.today.spent[2] if entry.today else 0
    last_used = rfc3339(entry.last_used) if entry.last_used else ""
    return {**_sums(entry), "requests_today": today, "last_used": last_used}


def _shared(entry: _Entry) -> dict[str, Any]:
    end = entry.own.span.end
    most, used = entry.own.limit.most, entry.own.used
    return {
        **_sums(entry),
        "limit": _most(entry),
        "ends": rfc3339(end * 1000) if end < periods.FOREVER else "",
        "percent": used * 100 // most if most else 100,
    }


def _sums(entry: _Entry) -> dict[str, Any]:
    cost, tokens, _ = entry.own.spent
    left = max(0, entry.own.limit.most - entry.own.used)
    return {
        "spent": format(cost, "f"),
        "tokens": tokens,
        "period": entry.own.period,
        "budget": _most(entry),
        "remaining": "" if entry.budget is None else _amount(left) if entry.budget.amount else str(left),
    }


def _most(entry: _Entry) -> str:
    if entry.budget is None:
        return ""
    return entry.budget.amount or str(entry.budget.tokens)


def _amount(nanodollars: int) -> str:
    whole, part = divmod(nanodollars, NANO)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".")
