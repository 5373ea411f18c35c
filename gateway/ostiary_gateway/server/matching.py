"""From a prompt to a route by the matcher that a Model has, the scoring model's included."""

from collections import Counter

from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Counted

from ostiary_gateway.contract.model import Matcher, Model
from ostiary_gateway.decide.index import Index
from ostiary_gateway.routing import verdicts
from ostiary_gateway.routing.asking import Asking, Outcome
from ostiary_gateway.routing.prompt import Prompt
from ostiary_gateway.routing.verdicts import Routing, Seen

_KEYWORDS = Matcher()


class Matching:
    """`tallies` counts (matcher type, outcome), as the metric does."""

    def __init__(self, asking: Asking, registry: CollectorRegistry) -> None:
        self._asking = asking
        self._counted = Counted(
            "ostiary_routing", "Requests whose route was asked for", ("matcher", "outcome"), registry=registry
        )
        self.tallies: Counter[tuple[str, str]] = Counter()

    async def match(self, index: Index, model: Model, prompt: Prompt, seen: Seen) -> Routing:
        """A Model without a matcher has keywords; a scorer that cannot be asked leaves the Model's own order."""
        matcher = model.matcher or _KEYWORDS
        if matcher.type == "scorer":
            name, outcome = await self._asked(index, model, matcher, prompt)
            routing = verdicts.by_route(model, name, f"the scorer: {outcome}", seen)
        else:
            routing = verdicts.built_in(model, matcher, prompt, seen)
            outcome = "matched" if routing.order else "none"
        self.tallies[matcher.type, outcome] += 1
        self._counted.labels(matcher.type, outcome).inc()
        return routing

    async def _asked(self, index: Index, model: Model, matcher: Matcher, prompt: Prompt) -> tuple[str | None, Outcome]:
        found = index.resolve(f"{matcher.provider}/{matcher.model}")
        scorer = next(iter(index.targets(found)), None) if found else None
        if scorer is None or scorer.translate or scorer.signing:
            return None, "error"
        if not model.routes or not prompt.turns:
            return None, "none"
        return await self._asking.ask(scorer, model.routes, prompt, matcher.timeout_ms)
