"""What a request draws on: the limits of its key, and what it may cost at most."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ostiary_gateway import pricing
from ostiary_gateway.contract.decision import Refusal
from ostiary_gateway.contract.limits import Budget, Spend, Terms
from ostiary_gateway.contract.model import Model, ModelBackend
from ostiary_gateway.decide import refusals
from ostiary_gateway.decide.keys import Key
from ostiary_gateway.limits import expensive
from ostiary_gateway.limits.terms import Limit, limits_of
from ostiary_gateway.pricing import Ceiling, PriceBook

_SOME_MODEL = "*"
_NOTHING = Ceiling(0, 0, 0)


class Draw(NamedTuple):
    """`refusal` is set where the model must not be used by this key; `spend` is None where nothing is limited.

    `limits` are those of `spend.purses`, in the same order.
    """

    limits: tuple[Limit, ...] = ()
    spend: Spend | None = None
    refusal: Refusal | None = None


FREE = Draw()


class Spender:
    """Draws of one document's keys."""

    def __init__(self, budgets: Mapping[str, Budget], prices: Callable[[], PriceBook], max_output_tokens: int) -> None:
        self._budgets = budgets
        self._prices = prices
        self._max_output_tokens = max_output_tokens

    def managed(self, key: Key, model: Model, backends: Sequence[ModelBackend], now_ms: int) -> Draw:
        """Of a request for a resolved Model that may reach these backends: the dearest of them counts."""
        limits = limits_of(key.identity.key_id, key.terms, self._budgets, model.name)
        if not self._asks_for_prices(key.terms, limits):
            return self._draw(limits, _NOTHING, model.max_output_tokens)
        ceilings = [self._ceiling(key.terms, backend, now_ms) for backend in backends]
        known = [ceiling for ceiling in ceilings if ceiling is not None]
        if len(known) < len(ceilings):
            return Draw(refusal=refusals.unpriced(model.name))
        return self._draw(limits, _dearest(known), model.max_output_tokens)

    def pass_through(self, key: Key, prefix: str, provider_model: str, now_ms: int) -> Draw:
        """Of a request to a provider as it is; an empty model is not known yet, or the request names none."""
        model = f"{prefix}/{provider_model}" if provider_model else ""
        limits = limits_of(key.identity.key_id, key.terms, self._budgets, model)
        with_money = self._asks_for_prices(key.terms, limits)
        if not provider_model:
            ceiling = self._unnamed(key.terms) if with_money else _NOTHING
            return self._draw(limits, ceiling, 0, by_model=with_money or self._is_by_model(key, limits))
        if not with_money:
            return self._draw(limits, _NOTHING, 0)
        found = self._ceiling(key.terms, ModelBackend(provider=prefix, model=provider_model), now_ms)
        return Draw(refusal=refusals.unpriced(model)) if found is None else self._draw(limits, found, 0)

    def _asks_for_prices(self, terms: Terms, limits: Sequence[Limit]) -> bool:
        return terms.on_unpriced == "reject" or any(limit.unit == "m" for limit in limits)

    def _is_by_model(self, key: Key, limits: Sequence[Limit]) -> bool:
        """Whether what the request names, or how long it is, is to be known before it is sent."""
        some = limits_of(key.identity.key_id, key.terms, self._budgets, _SOME_MODEL)
        return len(some) > len(limits) or any(limit.unit in "tiok" for limit in limits)

    def _ceiling(self, terms: Terms, backend: ModelBackend, now_ms: int) -> Ceiling | None:
        """The most it may cost; None where it must not be used."""
        rates = self._prices().rates(backend.provider, backend.model, backend.price)
        if rates is not None:
            return rates.ceiling(now_ms)
        answer = expensive.on_unpriced(terms, self._budgets, backend.model)
        if answer == "default":
            return pricing.DEFAULT.ceiling(now_ms)
        return _NOTHING if answer == "allow" else None

    def _unnamed(self, terms: Terms) -> Ceiling:
        return _NOTHING if terms.on_unpriced == "allow" else pricing.DEFAULT.ceiling(0)

    def _draw(self, limits: tuple[Limit, ...], ceiling: Ceiling, max_output_tokens: int, *, by_model: bool = False) -> Draw:
        if not limits and not by_model:
            return FREE
        spend = Spend(
            purses=tuple(limit.as_purse for limit in limits),
            input_price=ceiling.input,
            output_price=ceiling.output,
            request_price=ceiling.request,
            max_output_tokens=max_output_tokens or self._max_output_tokens,
            cap_output=max_output_tokens > 0,
            by_model=by_model,
        )
        return Draw(limits, spend)


def _dearest(ceilings: Sequence[Ceiling]) -> Ceiling:
    """The dearest of each part: which backend it will be is not known."""
    return Ceiling(*(max(parts) for parts in zip(*ceilings, strict=True))) if ceilings else _NOTHING
