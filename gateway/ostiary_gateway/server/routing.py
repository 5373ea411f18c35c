"""Which target suits one request: `POST /route` for nginx, `POST /routing` for the decision alone (PL-26, PL-28)."""

import asyncio
import re
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry

from ostiary_gateway.contract.decision import Ask, Plan, Refusal, Target
from ostiary_gateway.contract.dialect import Dialect
from ostiary_gateway.contract.model import Model
from ostiary_gateway.decide import patterns
from ostiary_gateway.decide.index import Index
from ostiary_gateway.decide.keys import Key
from ostiary_gateway.policy import View, rank
from ostiary_gateway.routing import preferences, verdicts
from ostiary_gateway.routing import prompt as prompts
from ostiary_gateway.routing.asking import Asking
from ostiary_gateway.routing.preferences import Preference, PreferencesError
from ostiary_gateway.routing.sessions import Sessions
from ostiary_gateway.routing.verdicts import Seen
from ostiary_gateway.server.clock import now_ms
from ostiary_gateway.server.live import Live
from ostiary_gateway.server.matching import Matching
from ostiary_gateway.server.routers import Routers
from ostiary_gateway.server.sight import Sight

_LONGEST_SESSION = 256
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What nginx asks. `key` is the SHA-256 of the caller's key, `model` the name as asked, `body` the request body."""

    key: str
    model: str
    body: str
    affinity: str = ""
    dialect: Dialect = "chat"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`order` holds places in the plan's targets, best first; empty is no opinion."""

    order: tuple[int, ...] = ()
    route: str | None = None
    reason: str = ""


class Enquiry(msgspec.Struct, frozen=True, kw_only=True):
    """A request to `/routing/v1/...`, as nginx hands it on. `traceparent` and `affinity` are headers of it."""

    key: str
    body: str
    traceparent: str = ""
    affinity: str = ""


class Advice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the client gets; `refusal` instead where it may not ask. nginx says that in the caller's dialect."""

    refusal: Refusal | None = None
    decision: dict[str, object] = {}


class _Named(msgspec.Struct):
    model: str


_question = msgspec.json.Decoder(Question)
_enquiry = msgspec.json.Decoder(Enquiry)
_named = msgspec.json.Decoder(_Named)


class Routing:
    """The endpoints. All state is the memory of sessions, which may be lost."""

    def __init__(self, live: Live, matching: Matching, sight: Sight) -> None:
        self._live = live
        self._matching = matching
        self._sight = sight
        self._sessions = Sessions()

    async def route(self, request: web.Request) -> web.Response:
        """What nginx asks, answered; 503 without a bundle, 400 for what is no question, 404 for a model that is gone."""
        index = self._live.index
        if index is None:
            return web.Response(status=503, text="no bundle")
        try:
            question = _question.decode(await request.read())
        except (msgspec.DecodeError, UnicodeDecodeError):
            return web.Response(status=400, text="not a question")
        model = index.resolve(question.model)
        key = index.find(question.key)
        if model is None or key is None:
            return web.Response(status=404, text="no such model or key")
        try:
            ids, route, reason, _ = await self._remembered(index, key, model, question)
        except PreferencesError as error:
            return _json(Answer(reason=str(error)))
        targets = filter(None, index.targets(model, question.dialect))
        places = {target.id: place for place, target in enumerate(targets)}
        order = tuple(places[target] for target in ids if target in places)
        return _json(Answer(order=order, route=route, reason=reason))

    async def enquire(self, request: web.Request) -> web.Response:
        """The decision alone, as an Advice."""
        index = self._live.index
        if index is None:
            return web.Response(status=503, text="no bundle")
        try:
            enquiry = _enquiry.decode(await request.read())
        except (msgspec.DecodeError, UnicodeDecodeError):
            return web.Response(status=400, text="not an enquiry")
        return _json(await self._advise(index, enquiry))

    async def _advise(self, index: Index, enquiry: Enquiry) -> Advice:
        name = _model_of(enquiry.body)
        key = index.identify(enquiry.key, now_ms())
        if isinstance(key, Refusal) or isinstance(name, Refusal):
            return Advice(refusal=key if isinstance(key, Refusal) else name if isinstance(name, Refusal) else None)
        refusal = index.decide(Ask(key=enquiry.key, surface="managed", target=name), now_ms()).refusal
        model = index.resolve(name)
        if refusal or model is None:
            return Advice(refusal=refusal or _bad_request("unknown model"))
        question = Question(key=enquiry.key, model=name, body=enquiry.body, affinity=_session(enquiry.affinity))
        try:
            ids, route, _, known = await self._remembered(index, key, model, question)
        except PreferencesError as error:
            return Advice(refusal=_bad_request(str(error)))
        ranked = self._healthy_first(index, ids) or self._ranked(index, model, question.affinity)
        decision: dict[str, object] = {"models": ranked, "route": route, "trace_id": _trace_id(enquiry.traceparent)}
        if question.affinity:
            decision |= {"session_id": question.affinity, "pinned": known or not ids}
        return Advice(decision=decision)

    async def _remembered(
        self, index: Index, key: Key, model: Model, question: Question
    ) -> tuple[tuple[str, ...], str | None, str, bool]:
        """Ids of the targets in order, the route, why, and whether this session had been given them before."""
        name, now = (question.key, model.name, _session(question.affinity)), time.monotonic()
        kept = self._sessions.recall(name, now) if name[2] else None
        if kept is not None:
            self._sessions.keep(name, *kept, now)
            return *kept, "the session's", True
        ids, route, reason = await self._matched(index, key, model, question.body.encode())
        if name[2] and ids:
            self._sessions.keep(name, ids, route, now)
        return ids, route, reason, False

    async def _matched(self, index: Index, key: Key, model: Model, body: bytes) -> tuple[tuple[str, ...], str | None, str]:
        wanted = preferences.read(body)
        asked = _with_preferences(index, key, model, wanted) if wanted else model
        costly = any(route.prefer == "cheapest" for route in asked.routes)
        targets = await asyncio.to_thread(index.targets, asked) if costly and wanted else index.targets(asked)
        routing = await self._matching.match(index, asked, prompts.read(body), Seen(targets, self._sight.latencies))
        usable = [target.id for target in targets if target]
        return tuple(usable[place] for place in routing.order), routing.route, routing.reason

    def _healthy_first(self, index: Index, ids: tuple[str, ...]) -> list[str]:
        targets = {target: _only_target(index, target) for target in ids}
        return sorted(ids, key=lambda each: (target := targets[each]) is None or not self._sight.eligible(target))

    def _ranked(self, index: Index, model: Model, affinity: str) -> list[str]:
        """Where nobody has an opinion: as the plan's selection would take them."""
        plan = index.plan(model.name) or Plan(model=model.name, targets=tuple(t for t in index.targets(model) if t))
        latencies = self._sight.latencies
        view = View(
            eligible=lambda i: self._sight.eligible(plan.targets[i]),
            warmth=lambda _: 1.0,
            latency=lambda i: latencies.get(plan.targets[i].id, -1.0),
            turn=lambda: 0,
            random=lambda: 1.0,
            affinity=affinity,
        )
        return [plan.targets[i].id for i in rank(plan, view)]


@asynccontextmanager
async def opened(live: Live, registry: CollectorRegistry, sight: Sight, ca_file: str) -> AsyncIterator[tuple[Routing, Routers]]:
    """The endpoints, with connections to scorers that end with them."""
    asking = Asking(ssl.create_default_context(cafile=ca_file) if ca_file else None)
    try:
        matching = Matching(asking, registry)
        yield Routing(live, matching, sight), Routers(live, matching, sight)
    finally:
        await asking.close()


def _with_preferences(index: Index, key: Key, model: Model, wanted: tuple[Preference, ...]) -> Model:
    """The Model as if the client's routes were its own; what they name and this key may not use is left out."""
    backends = list(model.backends)
    routes = []
    for each in wanted:
        places = []
        for name in each.models:
            found = index.resolve(name)
            if found is None or not found.backends or not patterns.allows(key.models, found.name):
                continue
            places.append(len(backends))
            backends.append(found.backends[0])
        routes.append(verdicts.route_of(each, tuple(places)))
    matcher = model.matcher if model.matcher and model.matcher.type == "scorer" else None
    return msgspec.structs.replace(model, backends=tuple(backends), routes=tuple(routes), matcher=matcher)


def _only_target(index: Index, name: str) -> Target | None:
    model = index.resolve(name)
    return next(iter(index.targets(model)), None) if model else None


def _model_of(body: str) -> str | Refusal:
    try:
        name = _named.decode(body).model
    except msgspec.ValidationError:
        return _bad_request("missing 'model' field")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _bad_request("invalid JSON body")
    return name or _bad_request("missing 'model' field")


def _bad_request(message: str) -> Refusal:
    return Refusal(status=400, code="bad_request", message=message)


def _session(text: str) -> str:
    return text if len(text) <= _LONGEST_SESSION and text.isprintable() else ""


def _trace_id(traceparent: str) -> str:
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1] if found else secrets.token_hex(16)


def _json(value: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
