"""What a caller may use: rates over sliding windows, requests at once, budgets per period, and how the data plane spends it.

The data plane knows no limits, only **purses**: numbers in nginx's shared memory from which a request takes what it may use
at most, without asking anyone. The sidecar fills them (a lease) and settles with the truth once the request is in the
ledger. So for each account `used (a fold of the ledger) + granted - settled <= limit` holds at any moment.
"""

import hashlib
from typing import Literal

import msgspec

RateUnit = Literal["requests", "tokens", "input_tokens", "output_tokens"]
Window = Literal["second", "minute", "hour", "day"]
Period = Literal["hourly", "daily", "weekly", "monthly", "total"]
Action = Literal["reject", "warn"]
OnUnpriced = Literal["", "reject", "allow", "default"]

WINDOW_MS: dict[Window, int] = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
SLOT_MS: dict[Window, int] = {"second": 50, "minute": 1_000, "hour": 10_000, "day": 60_000}
"""A window slides in steps of a slot; what was used in a slot leaves the window when all of the slot has left it."""


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At most `most` units within any window of this length. `per` model: for each resolved model on its own."""

    unit: RateUnit
    window: Window
    most: int
    per: Literal["key", "model"] = "key"


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`amount` is decimal US dollars, empty is none; `tokens` (input and output) 0 is none; exactly one is set.

    `id` is `<namespace>/<name>` of a Budget, or empty for a key's own. Periods begin on the calendar of `time_zone` (IANA),
    weeks on Monday.
    """

    id: str = ""
    amount: str = ""
    tokens: int = 0
    period: Period = "monthly"
    time_zone: str = "UTC"
    action: Action = "reject"
    thresholds: tuple[int, ...] = (50, 80, 100)  # per cent


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What one key may use. `budgets` are ids of the document's budgets that cover it. 0 is no limit."""

    rates: tuple[Rate, ...] = ()
    concurrency: int = 0
    concurrency_per_model: int = 0
    budget: Budget | None = None
    budgets: tuple[str, ...] = ()
    on_unpriced: OnUnpriced = ""
    labels: dict[str, str] = {}

    @property
    def is_limiting(self) -> bool:
        """Whether a request of the key is to be looked at more closely at all."""
        counted = self.rates or self.concurrency or self.concurrency_per_model
        return bool(counted or self.budget or self.budgets or self.on_unpriced)


UNLIMITED = Terms()

PurseUnit = Literal["r", "t", "i", "o", "c", "m", "k"]
"""requests, tokens, input tokens, output tokens (rates); slots (concurrency); nanodollars, tokens (budgets)."""


class Purse(msgspec.Struct, frozen=True, array_like=True):
    """One account as nginx spends from it. `name` is `<unit letter><12 hex digits>`, see `purse_name`.

    `slot_ms` > 0: there is one purse for each slot of this length, `<name>.<floor(unix ms / slot_ms)>`; what is left in it when
    the slot is over is worth nothing in nginx and goes back to the account. 0: one purse, for ever.
    `shown` names the response headers that it feeds: requests, tokens, input_tokens, output_tokens, or nothing.
    """

    name: str
    slot_ms: int = 0
    shown: str = ""


class Spend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a request takes before it is sent: part of a Decision.

    Prices are those of the dearest backend that the request may reach, per token in picodollars (10^-12) and per request in
    nanodollars (10^-9), rounded up. `max_output_tokens` counts where the request names none; with `cap_output` it is then
    written into the request too. `by_model` (pass-through): it depends on the model that the body names, ask again with it.
    """

    purses: tuple[Purse, ...]
    input_price: int = 0
    output_price: int = 0
    request_price: int = 0
    max_output_tokens: int = 4096
    cap_output: bool = False
    by_model: bool = False


def purse_name(unit: PurseUnit, account: str) -> str:
    """The name of an account's purse: short, and safe between tabs, commas and equals signs.

    Args:
        unit: what it holds.
        account: `key/<key id>`, `key/<key id>/<model>` or `budget/<id>`, then `#` and what distinguishes its limits
            (`#requests/minute`, `#slots`, `#monthly`).
    """
    return unit + hashlib.sha256(account.encode()).hexdigest()[:12]
