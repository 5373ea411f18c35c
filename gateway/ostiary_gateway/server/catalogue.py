"""What is known of each model that a key may name: prices, context length, who has it (GZ-22)."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from ostiary_gateway import pricing
from ostiary_gateway.contract.document import Provider
from ostiary_gateway.contract.model import Model, ModelBackend
from ostiary_gateway.contract.record import Usage
from ostiary_gateway.decide.index import Index
from ostiary_gateway.decide.models import OWNER, is_managed
from ostiary_gateway.pricing import PriceBook, Rates

_PRICED = (  # what a price is called, and what has it beside an empty request
    ("prompt", Usage(input_tokens=1), Usage()),
    ("completion", Usage(output_tokens=1), Usage()),
    ("input_cache_read", Usage(input_tokens=1, cache_read_tokens=1), Usage()),
    ("input_cache_write", Usage(input_tokens=1, cache_write_tokens=1), Usage()),
)


class Offer(NamedTuple):
    """One backend of a model. `pricing` is US dollars for a token as text; `context_length` 0 is not known."""

    provider: str
    target: str
    pricing: dict[str, str]
    context_length: int


class Entry(NamedTuple):
    """`id` is the name to ask for, or a pattern of names; `model` is the Model's own name, empty for a pattern.

    The first of `offers` is the one that is taken first. `context_length` is what all that is known of can take.
    """

    id: str
    model: str
    owner: str
    slug: str
    offers: tuple[Offer, ...]
    context_length: int
    description: str
    modalities: tuple[str, ...]

    @property
    def pricing(self) -> dict[str, str] | None:
        """Of the backend that is taken first."""
        return self.offers[0].pricing or None if self.offers else None


def build(index: Index, book: PriceBook, names: Sequence[tuple[str, str]], now_ms: int) -> tuple[Entry, ...]:
    """One entry for each (name or pattern, owner). The first look at published prices takes 0.2 s: not for the event loop."""
    providers = {provider.prefix: provider for provider in index.document.providers}
    wild = {model.name: model for model in index.document.models if "*" in model.name}

    def offer(backend: ModelBackend) -> Offer:
        return _offer(backend, providers[backend.provider], book, now_ms)

    def entry(name: str, owner: str) -> Entry:
        model = wild.get(name) or (None if "*" in name else index.resolve(name))
        return _entry(name, owner, model, offer) if model else _pattern(name, owner)

    return tuple(entry(name, owner) for name, owner in names)


def owner_of(index: Index, model: Model) -> str:
    """`owned_by` of a model that no list shows."""
    named = {backend.provider for backend in model.backends}
    owners = {provider.name for provider in index.document.providers if provider.prefix in named and is_managed(provider)}
    return owners.pop() if len(owners) == 1 else OWNER


def _pattern(name: str, owner: str) -> Entry:
    """Of a provider's whole catalogue."""
    return Entry(name, "", owner, name.partition("/")[0], (), 0, "", ())


def _entry(name: str, owner: str, model: Model, offer: Callable[[ModelBackend], Offer]) -> Entry:
    backends = sorted(model.backends, key=lambda backend: (backend.retry_only, backend.priority))
    offers = tuple(map(offer, backends))
    about = model.catalogue
    known = [offer.context_length for offer in offers if offer.context_length]
    context_length = about.context_length or min(known, default=0)
    slug = backends[0].provider if backends else ""
    return Entry(name, model.name, owner, slug, offers, context_length, about.description, about.modalities)


def _offer(backend: ModelBackend, provider: Provider, book: PriceBook, now_ms: int) -> Offer:
    url = f"{provider.scheme}://{provider.host}{provider.base_path}"
    rates = book.rates(backend.provider, backend.model, backend.price) if backend.model else None
    context_length = pricing.context_length(provider.type, backend.model, url) if backend.model else 0
    return Offer(backend.provider, f"{backend.provider}/{backend.model}", _prices(rates, now_ms) if rates else {}, context_length)


def _prices(rates: Rates, now_ms: int) -> dict[str, str]:
    def cost(usage: Usage) -> Decimal:
        return rates.cost(usage, at_ms=now_ms)

    found = {name: cost(usage) - cost(without) for name, usage, without in _PRICED}
    if request := cost(Usage()):
        found["request"] = request
    return {name: pricing.plain(price) for name, price in found.items()}
