"""`GET /models` for nginx: the lists of models of every dialect, and what is in them (GZ-13, GZ-22, TP-12).

A key sees what it may name. Nobody without a key sees anything: that a model is there at all may be a secret.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from ostiary_gateway.contract.decision import Refusal
from ostiary_gateway.decide import patterns, refusals
from ostiary_gateway.decide.index import Index
from ostiary_gateway.decide.keys import Key
from ostiary_gateway.pricing import PriceBook
from ostiary_gateway.server import catalogue, model_pages
from ostiary_gateway.server.catalogue import Entry
from ostiary_gateway.server.clock import now_ms
from ostiary_gateway.server.live import Live
from ostiary_gateway.server.model_pages import BadQueryError, Form, Query
from ostiary_gateway.server.sight import Sight

_REMEMBERED = 256  # lists by what keys may use
_STEP_MS = 15 * 60 * 1000  # some prices depend on the hour
_FORMS: dict[str, Form] = {"anthropic": "anthropic", "google": "google"}
_Place = tuple[str, tuple[str, ...], int]


class NoModelError(Exception):
    """There is none of this name; `refusal` says it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Models:
    """The endpoint. It remembers what it has put together."""

    def __init__(self, live: Live, prices: Callable[[], PriceBook], sight: Sight) -> None:
        self._live = live
        self._prices = prices
        self._sight = sight
        self._kept: dict[_Place, tuple[PriceBook, tuple[Entry, ...]]] = {}

    async def list(self, request: web.Request) -> web.Response:
        """A list, or the one model that `path` names; a Refusal with its own status; 503 without a bundle.

        `key` is the SHA-256 of the caller's key, `form` whose client asks, `query` the client's own.
        """
        index = self._live.index
        if index is None:
            return web.Response(status=503, text="no bundle")
        key = index.identify(request.query.get("key", ""), now_ms())
        if isinstance(key, Refusal):
            return _json(key, key.status)
        form = _FORMS.get(request.query.get("form", ""), "openai")
        try:
            query = dict(parse_qsl(request.query.get("query", ""), keep_blank_values=True, max_num_fields=100))
            return _json(await self._told(index, key, form, request.query.get("path", ""), query))
        except ValueError as error:
            return _json(Refusal(status=400, code="bad_request", message=str(error)), 400)
        except NoModelError as error:
            return _json(error.refusal, error.refusal.status)

    async def _told(self, index: Index, key: Key, form: Form, path: str, query: Query) -> dict[str, Any]:
        entries = await self._entries(index, key)
        if not path:
            return model_pages.MANY[form](entries, query)
        if form != "openai":
            return model_pages.ONE[form](await self._one(index, key, path))
        if (chosen := self._static(entries, path, query)) is not None:
            return chosen
        name, _, last = path.rpartition("/")
        if last == "compare":
            return model_pages.comparison(await self._one(index, key, name), self._sight.latencies)
        try:
            return model_pages.openai_model(await self._one(index, key, path))
        except NoModelError:
            of_provider = [entry for entry in entries if path.lower() in {entry.slug.lower(), entry.owner.lower()}]
            if not of_provider:
                raise
            return model_pages.openai_list(of_provider, query)

    def _static(self, entries: Sequence[Entry], path: str, query: Query) -> dict[str, Any] | None:
        if path == "search":
            if not (wanted := query.get("q", "").lower()):
                raise BadQueryError("q is missing")
            found = [entry for entry in entries if wanted in entry.id.lower() or wanted in entry.description.lower()]
            return model_pages.openai_list(found, query)
        if path == "unique":
            return model_pages.openai_list([entry for entry in entries if entry.model in {"", entry.id}], query)
        if path == "low-latency":
            latencies = self._sight.latencies
            timed = [(min(known), entry) for entry in entries if (known := _latencies(entry, latencies))]
            return model_pages.openai_list([entry for _, entry in sorted(timed, key=lambda each: each[0])], query)
        return None

    async def _one(self, index: Index, key: Key, name: str) -> Entry:
        """Also what no list shows: a name that a pattern stands for."""
        model = index.resolve(name)
        if model is None:
            raise NoModelError(Refusal(status=404, code="unknown_model", message=refusals.unknown_model(name).message))
        if not patterns.allows(key.models, model.name):
            raise NoModelError(refusals.MODEL_NOT_ALLOWED)
        found = next((entry for entry in await self._entries(index, key) if entry.id == name), None)
        return found or (await _built(index, self._prices(), [(name, catalogue.owner_of(index, model))]))[0]

    async def _entries(self, index: Index, key: Key) -> tuple[Entry, ...]:
        place, book = (index.digest, key.models, now_ms() // _STEP_MS), self._prices()
        priced_by, found = self._kept.get(place, (None, ()))
        if priced_by is not book:
            found = await _built(index, book, index.models(key))
            if len(self._kept) >= _REMEMBERED:
                self._kept = {}
            self._kept[place] = book, found
        return found


async def _built(index: Index, book: PriceBook, names: Sequence[tuple[str, str]]) -> tuple[Entry, ...]:
    return await asyncio.to_thread(catalogue.build, index, book, names, now_ms())


def _latencies(entry: Entry, latencies: Any) -> list[float]:
    return [latencies[offer.target] for offer in entry.offers if offer.target in latencies]


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(value), content_type="application/json")
