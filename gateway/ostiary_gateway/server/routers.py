"""What the built-in routers are made of, and a trial run of them: GZ-20's `/general-router` and `/code-router`."""

import time
from typing import Literal

import msgspec
from aiohttp import web

from ostiary_gateway.contract.model import Matcher
from ostiary_gateway.decide.index import Index
from ostiary_gateway.routing import code, general, names, verdicts
from ostiary_gateway.routing.order import Candidate
from ostiary_gateway.routing.prompt import LONGEST_TEXT, Prompt
from ostiary_gateway.routing.ranking import RANKING
from ostiary_gateway.routing.verdicts import Routing, Seen
from ostiary_gateway.server.live import Live
from ostiary_gateway.server.matching import Matching
from ostiary_gateway.server.sight import Sight

Kind = Literal["general", "code"]
_DEFAULTS = {"general": general.DEFAULT, "code": code.DEFAULT}


class _Trial(msgspec.Struct):
    prompt: str
    mode: str = ""


class Routers:
    """Nothing here changes anything: the routers are Models, and their settings are manifests."""

    def __init__(self, live: Live, matching: Matching, sight: Sight) -> None:
        self._live = live
        self._matching = matching
        self._sight = sight

    def add_to(self, app: web.Application) -> None:
        """All routes of both routers."""
        add = app.router.add_get
        add("/{router:general|code}-router/settings/options", self.options)
        add("/{router:general|code}-router/stats", self.stats)
        add("/general-router/models", self.models)
        add("/general-router/fallback-models", self.fallbacks)
        add("/code-router/tiers", self.tiers)
        app.router.add_post("/{router:general|code}-router/test", self.test)
        app.router.add_post("/{router:general|code}-router/settings/validate", self.validate)

    async def options(self, request: web.Request) -> web.Response:
        """The modes, the default one, and the name of each."""
        kind = _kind(request)
        modes = [{"mode": mode, "model": f"router:{kind}:{mode}"} for mode in names.ROUTERS[kind]]
        return web.json_response({"router": kind, "default": _DEFAULTS[kind], "modes": modes})

    async def stats(self, request: web.Request) -> web.Response:
        """How many requests were asked about since this sidecar started, by outcome."""
        tallies = {outcome: n for (kind, outcome), n in self._matching.tallies.items() if kind == _kind(request)}
        return web.json_response({"router": _kind(request), "requests": sum(tallies.values()), "outcomes": tallies})

    async def models(self, _: web.Request) -> web.Response:
        """The models that `router:general` chooses from here, with what is known of them; 404 where it is not applied."""
        found = self._candidates("general", "")
        return _not_applied("general") if found is None else web.json_response({"models": [_shown(each) for each in found]})

    async def fallbacks(self, _: web.Request) -> web.Response:
        """What a mode takes when it is not sure, as the sample has it."""
        return web.json_response({"fallback_models": general.FALLBACKS})

    async def tiers(self, _: web.Request) -> web.Response:
        """The tiers, and the published figures of the models in them."""
        tiers = {tier: {"swe_bench_from": lowest, "models": _models_of(tier)} for tier, lowest in code.FROM_SWE_BENCH.items()}
        return web.json_response({"tiers": tiers})

    async def validate(self, request: web.Request) -> web.Response:
        """Whether `{"mode": ...}` is a mode of this router."""
        kind, mode = _kind(request), (await _object(request)).get("mode", "")
        valid = mode in names.ROUTERS[kind]
        problem = {} if valid else {"error": f"modes of router:{kind} are {', '.join(names.ROUTERS[kind])}"}
        return web.json_response({"valid": valid, **problem})

    async def test(self, request: web.Request) -> web.Response:
        """Where `{"prompt": ..., "mode": ...}` would go; nothing is sent to any provider."""
        kind = _kind(request)
        try:
            trial = msgspec.json.decode(await request.read(), type=_Trial)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return web.json_response({"error": "prompt is missing"}, status=400)
        mode = trial.mode or _DEFAULTS[kind]
        if mode not in names.ROUTERS[kind]:
            return web.json_response({"error": f"modes of router:{kind} are {', '.join(names.ROUTERS[kind])}"}, status=400)
        begun = time.perf_counter()
        tried = self._try(kind, mode, trial.prompt)
        return _not_applied(kind) if tried is None else web.json_response(_report(kind, mode, *tried, begun))

    def _try(self, kind: Kind, mode: str, text: str) -> tuple[list[Candidate], Routing] | None:
        seen = self._seen(kind, mode)
        if seen is None:
            return None
        index, name, view = seen
        model = index.resolve(name)
        if model is None:
            return None
        prompt = Prompt(text=text[:LONGEST_TEXT], chars=len(text), length=len(text), messages=1)
        return list(verdicts.candidates(view).values()), verdicts.built_in(model, Matcher(type=kind, mode=mode), prompt, view)

    def _candidates(self, kind: Kind, mode: str) -> list[Candidate] | None:
        seen = self._seen(kind, mode)
        return list(verdicts.candidates(seen[2]).values()) if seen else None

    def _seen(self, kind: Kind, mode: str) -> tuple[Index, str, Seen] | None:
        """The mode's own Model, else the router's."""
        index = self._live.index
        for name in (f"router:{kind}:{mode}", f"router:{kind}"):
            model = index.resolve(name) if index else None
            if index and model and model.name == name and model.matcher and model.matcher.type == kind:
                return index, name, Seen(index.targets(model), self._sight.latencies)
        return None


def _report(kind: Kind, mode: str, found: list[Candidate], routing: Routing, begun: float) -> dict[str, object]:
    places = routing.order or tuple(each.place for each in found)
    first = next((each.id for each in found if places and each.place == places[0]), "")
    told: dict[str, object] = {
        "model_id": first.partition("/")[2],
        "provider": first.partition("/")[0],
        "mode": mode,
        "task_category": routing.category,
        "confidence": routing.confidence,
        "reason": routing.reason,
        "routing_latency_ms": round((time.perf_counter() - begun) * 1000, 3),
    }
    return told | ({"tier": routing.tier, "complexity": routing.complexity} if kind == "code" else {})


def _models_of(tier: str) -> list[dict[str, object]]:
    ranked = {name: figures for name, figures in RANKING.items() if figures.swe_bench_verified is not None}
    return [
        {"model": name, "swe_bench": known.swe_bench_verified, "human_eval": known.human_eval, "source": known.source.title}
        for name, known in ranked.items()
        if code.tier_of(known.swe_bench_verified or 0.0) == tier
    ]


def _shown(each: Candidate) -> dict[str, object]:
    figures = {"cost": each.cost, "quality": each.quality, "latency_ms": each.latency}
    return {"id": each.id, **{name: value if value >= 0 else None for name, value in figures.items()}}


def _not_applied(kind: Kind) -> web.Response:
    return web.json_response({"error": f"there is no Model router:{kind} here"}, status=404)


def _kind(request: web.Request) -> Kind:
    return "code" if request.match_info["router"] == "code" else "general"


async def _object(request: web.Request) -> dict[str, object]:
    try:
        return msgspec.json.decode(await request.read(), type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
