"""All prices that a gateway knows: those of its Models, of the mounted list, and the published ones, in this order."""

from collections.abc import Sequence

from ostiary_gateway.contract.document import Document, Provider
from ostiary_gateway.contract.price import Price, PriceList
from ostiary_gateway.pricing import published, stated
from ostiary_gateway.pricing.lists import Listing
from ostiary_gateway.pricing.rates import Rates

_REMEMBERED = 16384  # names come from clients, so there must be an end


class PriceBook:
    """Immutable but for what it remembers; another document or list is another book."""

    def __init__(self, document: Document, lists: Sequence[PriceList] = ()) -> None:
        self._providers = {provider.prefix: provider for provider in document.providers}
        self._listing = Listing(lists)
        self._known: dict[tuple[str, str, Price | None, str], Rates | None] = {}

    def rates(self, prefix: str, provider_model: str, price: Price | None = None, *, provider_type: str = "") -> Rates | None:
        """What a provider's model costs; None where nobody knows (GZ-11).

        Args:
            prefix: of the provider.
            provider_model: as it is sent.
            price: stated by the Model's backend. One that cannot be read is passed over.
            provider_type: counts where the document has no such provider any more.
        """
        name = prefix, provider_model, price, provider_type
        try:
            return self._known[name]
        except KeyError:
            pass
        if len(self._known) >= _REMEMBERED:
            self._known = {}
        found = self._known[name] = self._look_up(prefix, provider_model, price, provider_type)
        return found

    def _look_up(self, prefix: str, provider_model: str, price: Price | None, provider_type: str) -> Rates | None:
        if price and (rates := _stated(price)):
            return rates
        if rates := self._listing.find(f"{prefix}/{provider_model}"):
            return rates
        provider = self._providers.get(prefix)
        return published.find(provider.type if provider else provider_type, provider_model, _url(provider) if provider else "")


def _url(provider: Provider) -> str:
    return f"{provider.scheme}://{provider.host}{provider.base_path}"


def _stated(price: Price) -> Rates | None:
    try:
        return stated.rates(price, "model")
    except stated.PriceError:
        return None
