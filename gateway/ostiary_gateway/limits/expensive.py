"""What becomes of a model that nobody knows a price of (GZ-11): names that are dear everywhere are not given away."""

import re
from collections.abc import Mapping
from typing import Literal

from ostiary_gateway.contract.limits import Budget, Terms

Answer = Literal["reject", "allow", "default"]

_DEAR = re.compile(
    r"(^|[/:.])("
    r"gpt-4|gpt-5|chatgpt-4|o1(-|$)|o3(-|$)|o4(-|$)|"
    r"claude-3|claude-opus|claude-sonnet|claude-4|"
    r"gemini-1\.5-pro|gemini-2|gemini-3|gemini-pro|gemini-ultra"
    r")",
    re.IGNORECASE,
)


def is_dear(provider_model: str) -> bool:
    """Whether a name is one of those that are blocked without a price: also behind a vendor's or a region's part."""
    return _DEAR.search(provider_model) is not None


def on_unpriced(terms: Terms, budgets: Mapping[str, Budget], provider_model: str) -> Answer:
    """What the terms say of a model without a price; if they say nothing, money that may run out is protected.

    Args:
        terms: those of the key.
        budgets: the document's, by id.
        provider_model: the name that the provider would get.
    """
    if terms.on_unpriced:
        return terms.on_unpriced
    if not has_money_at_stake(terms, budgets):
        return "allow"
    return "reject" if is_dear(provider_model) else "default"


def has_money_at_stake(terms: Terms, budgets: Mapping[str, Budget]) -> bool:
    """Whether a budget of money that rejects covers the key."""
    covering = (terms.budget, *(budgets.get(name) for name in terms.budgets))
    return any(budget is not None and budget.amount and budget.action == "reject" for budget in covering)
