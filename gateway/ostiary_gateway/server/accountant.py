"""Prices and terms as they are now: what a request may cost (for decisions), what it did cost and who pays (for the ledger)."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ostiary_gateway.contract.document import VERSION, Document
from ostiary_gateway.contract.limits import UNLIMITED, Terms
from ostiary_gateway.contract.price import PriceList
from ostiary_gateway.contract.settings import Settings
from ostiary_gateway.decide.index import Index
from ostiary_gateway.ledger.charge import Payer, Where
from ostiary_gateway.limits.expensive import on_unpriced
from ostiary_gateway.pricing import DEFAULT, PriceBook, Rates
from ostiary_gateway.pricing.lists import PriceListError, read

_LOOK_SECONDS = 1.0
_REMEMBERED = 16384  # names come from clients, so there must be an end
_GONE = 10_000  # keys that are not in the bundle any more, whose last requests may still come
_EMPTY = Document(version=VERSION)

log = logging.getLogger(__name__)


class Accountant:
    """`problem` says why the mounted price list is not in use; the last good one stays."""

    def __init__(self, settings: Settings, index: Callable[[], Index | None], look_seconds: float = _LOOK_SECONDS) -> None:
        """Read the list once; one that cannot be read is a problem, not an end.

        Args:
            settings: `prices` is read.
            index: the bundle in force, None before there is one.
            look_seconds: how often to look whether the list changed.
        """
        self._look_seconds = look_seconds
        self._path = Path(settings.prices) if settings.prices else None
        self._index = index
        self._lists: tuple[PriceList, ...] = ()
        self._mark: tuple[int, ...] = ()
        self._books: Books | None = None
        self.problem = ""
        self._look()

    def prices(self) -> PriceBook:
        """Of the bundle in force and the list as it is now."""
        books = self.snapshot()
        return books.prices if books else PriceBook(_EMPTY, self._lists)

    def snapshot(self) -> "Books | None":
        """For one batch of the ledger; None before there is a bundle, for then nobody knows who pays."""
        index = self._index()
        if index is None:
            return None
        books = self._books
        if books is None or books.index is not index or books.lists is not self._lists:
            books = self._books = Books(index, self._lists, books.gone() if books else {})
        return books

    async def run(self) -> None:
        """Read the list again whenever it changes, for ever."""
        while True:
            await asyncio.sleep(self._look_seconds)  # a file: there is nothing to await
            await asyncio.to_thread(self._look)

    def _look(self) -> None:
        if self._path is None:
            return
        try:
            stat = self._path.stat()
            mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if mark == self._mark:
                return
            self._lists = (read(self._path.read_bytes()),)
        except (OSError, PriceListError) as error:
            if str(error) != self.problem:
                log.warning("%s; the last good prices stay in use", error)
            self.problem = str(error)
            return
        self._mark = mark
        self.problem = ""
        log.info("price list taken into use", extra={"version": self._lists[0].version})


class _Way(NamedTuple):
    """Where a request went, without what differs between requests of one kind. `prefix` is empty but on pass-through."""

    surface: str
    provider: str
    provider_type: str
    name: str
    sent: str
    told: str
    prefix: str


class Books:
    """The ledger's `Accounting` of one bundle and list. Used in the ledger's thread; what is remembered is its only state."""

    def __init__(self, index: Index, lists: tuple[PriceList, ...], gone: Mapping[str, Terms]) -> None:
        self.index = index
        self.lists = lists
        self.prices = PriceBook(index.document, lists)
        self._gone = gone
        self._providers = {provider.prefix: provider for provider in index.document.providers}
        self._prefixes = {provider.name: provider.prefix for provider in reversed(index.document.providers)}
        self._terms: dict[str, Terms] = {}
        self._accounts: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._rates: dict[_Way, Rates | None] = {}

    def payer(self, key_id: str, where: Where) -> Payer:
        terms = self._terms.get(key_id) or self._find(key_id)
        prefix = where.endpoint.split("/", 2)[1] if where.surface == "pass_through" and "/" in where.endpoint else ""
        way = _Way(where.surface, where.provider, where.provider_type, where.name, where.sent, where.told, prefix)
        try:
            rates = self._rates[way]
        except KeyError:
            rates = self._remember(way)
        if rates is None and terms is not UNLIMITED:
            name = where.sent or where.name or where.told
            rates = DEFAULT if on_unpriced(terms, self.index.budgets, name) == "default" else None
        return Payer(terms.labels, self._budgets(terms.budgets), rates)

    def gone(self) -> dict[str, Terms]:
        """Terms of keys that were met, for when one of them is taken away."""
        known = {**self._gone, **self._terms}
        return dict(list(known.items())[-_GONE:])

    def _find(self, key_id: str) -> Terms:
        key = self.index.key(key_id) if key_id else None
        terms = key.terms if key else self._gone.get(key_id, UNLIMITED)
        if key and not key.volatile:
            if len(self._terms) >= _REMEMBERED:
                self._terms = {}
            self._terms[key_id] = terms
        return terms

    def _budgets(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names:
            return ()
        accounts = self._accounts.get(names)
        if accounts is None:
            accounts = self._accounts[names] = tuple(f"budget/{name}" for name in names)
        return accounts

    def _remember(self, way: _Way) -> Rates | None:
        if len(self._rates) >= _REMEMBERED:
            self._rates = {}
        rates = self._rates[way] = self._managed(way) if way.surface == "managed" else self._direct(way)
        return rates

    def _managed(self, way: _Way) -> Rates | None:
        """The price of the Model's backend that answered; by the reply's own name where nobody knows one for what was sent."""
        model = self.index.resolve(way.name) if way.name else None
        for backend in model.backends if model else ():
            same = not way.sent or backend.model == way.sent
            if same and self._providers[backend.provider].name == way.provider:
                known = self.prices.rates(backend.provider, backend.model, backend.price)
                return self._first(backend.provider, (way.told,), known)
        return self._direct(way)

    def _direct(self, way: _Way) -> Rates | None:
        """What the provider itself calls it; also where the Model or the provider is not there any more."""
        prefix = way.prefix or self._prefixes.get(way.provider, way.provider)
        names = (way.sent, way.told, way.name.removeprefix(f"{prefix}/"))
        return self._first(prefix, names, None, way.provider_type)

    def _first(self, prefix: str, names: Sequence[str], known: Rates | None, provider_type: str = "") -> Rates | None:
        found = (self.prices.rates(prefix, name, provider_type=provider_type) for name in names if name)
        return known or next((rates for rates in found if rates), None)
