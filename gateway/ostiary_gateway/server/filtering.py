"""The filters of a Model, one after another, over each of its requests: `POST /filter` for nginx (PL-29, PL-30)."""

import asyncio
import logging
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram

from ostiary_gateway.contract.decision import Target
from ostiary_gateway.contract.model import Filter, Model
from ostiary_gateway.decide.index import Index
from ostiary_gateway.filters import jailbreak, literals, patterns, scoring, verdicts
from ostiary_gateway.filters.literals import NotJsonError
from ostiary_gateway.filters.patterns import UnknownPatternError
from ostiary_gateway.filters.redaction import redact
from ostiary_gateway.filters.texts import Text, TooLongError, texts
from ostiary_gateway.filters.verdicts import Verdict
from ostiary_gateway.server.filter_calls import FilterCalls
from ostiary_gateway.server.live import Live

FILTER_HEADER = "X-Ostiary-Filter"
_LONG_BODY = 65536  # characters from which on looking for something takes longer than others should wait
_SECONDS = tuple(0.0001 * 4**n for n in range(10))
_WITH_FORMS = ("images", "audio", "files", "batches")  # dialects whose requests may be something else than JSON
_PASSED_ON = ("X-Request-Id", "Traceparent")
_SAFE = re.compile(r"[\x20-\x7e]*")
_TOO_LARGE, _INTERNAL = 413, 500

_T = TypeVar("_T")

log = logging.getLogger(__name__)


class _Case(NamedTuple):
    """A request on its way through the chain. `headers` are what HTTP filters are told of it."""

    bundle: Index
    dialect: str
    body: str
    headers: Mapping[str, str]


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """`body` is what the client gets; with a `message` instead nginx says that in the client's dialect."""

    status: int
    body: str = ""
    message: str = ""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Exactly one is set: the body that goes on, or why nothing does."""

    body: str | None = None
    refusal: Stop | None = None


class Filtering:
    """The endpoint. It keeps nothing of any request."""

    def __init__(self, live: Live, calls: FilterCalls, registry: CollectorRegistry) -> None:
        self._live = live
        self._calls = calls
        self._seconds = Histogram(
            "ostiary_filter_seconds", "Time that filters took", ("type", "outcome"), buckets=_SECONDS, registry=registry
        )
        self._thread = ThreadPoolExecutor(1, "filters")
        self._chains = Counter("ostiary_filter_chains", "Requests that were filtered", ("outcome",), registry=registry)

    def close(self) -> None:
        """What has begun is given up."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def filter(self, request: web.Request) -> web.Response:
        """204 where a request may go on as it is, else an Answer. 503 without a bundle, 404 for a model or key that is gone."""
        index = self._live.index
        if index is None:
            return web.Response(status=503, text="no bundle")
        model = index.resolve(request.query.get("model", ""))
        key = index.find(request.query.get("key", ""))
        if model is None or key is None:
            return web.Response(status=404, text="no such model or key")
        dialect = request.query.get("dialect", "chat")
        try:
            body = (await request.clone(client_max_size=0).read()).decode()  # nginx has seen to its size
            if dialect in _WITH_FORMS:
                literals.load(body)
            headers = _told(request, model, key.identity.key_id, dialect)
            answer = await self._chain(model, _Case(index, dialect, body, headers), request.headers.get(FILTER_HEADER, ""))
        except (NotJsonError, UnicodeDecodeError):
            why = "the filters of this model read JSON only" if dialect in _WITH_FORMS else "invalid JSON body"
            answer = Answer(refusal=Stop(status=verdicts.BAD_REQUEST, message=why))
        self._chains.labels("passed" if answer is None else "changed" if answer.body is not None else "stopped").inc()
        if answer is None:
            return web.Response(status=204)
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")

    async def _chain(self, model: Model, case: _Case, asked_by: str) -> Answer | None:
        begun = case.body
        for each in model.filters:
            if each.name == asked_by:
                return _stop(each, verdicts.rejected("the filter asked the Model that it filters", verdicts.LOOP))
            verdict = await self._timed(each, case)
            if verdict.body is not None:
                case = case._replace(body=verdict.body)
            if verdict.outcome == "rejected" or (verdict.outcome in {"failed", "timed_out"} and each.on_failure == "closed"):
                return _stop(each, verdict)
        return None if case.body == begun else Answer(body=case.body)

    async def _timed(self, each: Filter, case: _Case) -> Verdict:
        at = time.perf_counter()
        verdict = await self._verdict(each, case)
        self._seconds.labels(each.type, verdict.outcome).observe(time.perf_counter() - at)
        if verdict.outcome in {"failed", "timed_out"}:
            log.warning("a filter failed", extra={"filter": each.name, "status": verdict.status, "on_failure": each.on_failure})
        return verdict

    async def _verdict(self, each: Filter, case: _Case) -> Verdict:
        if each.type == "http":
            return await self._calls.ask(each, case.body, {FILTER_HEADER: each.name, **case.headers})
        try:
            if each.type == "patterns":
                return await self._aside(case.body, lambda: _searched(each, case))
            return await self._judged(each, case)
        except TooLongError as error:
            return verdicts.failed(str(error), _TOO_LARGE)

    async def _judged(self, each: Filter, case: _Case) -> Verdict:
        said = await self._aside(case.body, lambda: _texts(case))
        if each.provider:
            target = _scorer(case.bundle, each)
            score = await self._calls.score(each, target, said) if target else verdicts.failed("the scorer cannot be asked")
        else:
            score = await self._aside(case.body, lambda: jailbreak.score(said).value)
        if isinstance(score, Verdict):
            return score
        return verdicts.rejected(each.message or "the request was refused") if score >= each.threshold else verdicts.PASSED

    async def _aside(self, body: str, work: Callable[[], _T]) -> _T:
        """One long body at a time, in a thread of its own: decisions are not to wait for it."""
        if len(body) <= _LONG_BODY:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@asynccontextmanager
async def opened(live: Live, registry: CollectorRegistry, ca_file: str) -> AsyncIterator[Filtering]:
    """The endpoint, with connections to filters that end with it."""
    calls = FilterCalls(ssl.create_default_context(cafile=ca_file) if ca_file else None)
    filtering = Filtering(live, calls, registry)
    try:
        yield filtering
    finally:
        filtering.close()
        await calls.close()


def _scorer(index: Index, each: Filter) -> Target | None:
    """None where nobody of this name speaks what scorers are asked in."""
    model = index.resolve(f"{each.provider}/{each.model}")
    target = next(iter(index.targets(model, scoring.dialect(each.model))), None) if model else None
    return target if target and not target.translate and not target.signing else None


def _searched(each: Filter, case: _Case) -> Verdict:
    try:
        found = redact(case.body, case.dialect, patterns.named(each.patterns))
    except UnknownPatternError as error:
        return verdicts.failed(str(error), _INTERNAL)
    if found.kinds and each.action == "reject":
        return verdicts.rejected(each.message or f"the request holds {', '.join(found.kinds)}")
    return verdicts.PASSED if found.body is None else verdicts.changed(found.body)


def _texts(case: _Case) -> list[Text]:
    value, _ = literals.load(case.body)
    try:
        return list(texts(value, case.dialect))
    except RecursionError as error:
        raise NotJsonError("nested too deeply") from error


def _stop(each: Filter, verdict: Verdict) -> Answer:
    return Answer(refusal=Stop(status=verdict.status, body=verdicts.chain_error(each.name, verdict)))


def _told(request: web.Request, model: Model, key_id: str, dialect: str) -> dict[str, str]:
    told: dict[str, Any] = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    told |= {"X-Ostiary-Model": model.name, "X-Ostiary-Key": key_id, "X-Ostiary-Dialect": dialect}
    return {name: value for name, value in told.items() if _SAFE.fullmatch(value)}
