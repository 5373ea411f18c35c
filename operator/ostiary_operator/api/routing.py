"""`spec.routing` of a Model: which of its backends suits a prompt."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ostiary_operator.api import patterns
from ostiary_operator.api.fields import CEL, Alias, BackendName, ObjectName, cel, doc

MatcherType = Literal["Keywords", "Scorer", "General", "Code"]
GENERAL_MODES = ("Balanced", "Quality", "Cost", "Latency")
CODE_MODES = ("Auto", "Price", "Quality", "Agentic")

SCORER_NEEDS_MODEL = cel(
    "self.type != 'Scorer' || (has(self.providerRef) && has(self.model))", "a Scorer needs providerRef and model"
)
MODE_FITS_TYPE = cel(
    "!has(self.mode) || (self.type == 'General' && self.mode in ['Balanced', 'Quality', 'Cost', 'Latency']) || "
    "(self.type == 'Code' && self.mode in ['Auto', 'Price', 'Quality', 'Agentic'])",
    "mode is Balanced, Quality, Cost or Latency of a General matcher, Auto, Price, Quality or Agentic of a Code one",
    ".mode",
)
ROUTES_NEEDED = cel(
    "(has(self.matcher) && self.matcher.type in ['General', 'Code']) || (has(self.routes) && size(self.routes) > 0)",
    "routes must be named, unless the matcher is General or Code",
    ".routes",
)
ROUTES_ONCE = cel(
    "!has(self.routes) || self.routes.all(r, self.routes.exists_one(o, o.name == r.name))",
    "routes must not have one name twice",
    ".routes",
)

RouteText = Annotated[str, Meta(pattern=patterns.TEXT, min_length=1, max_length=1024)]
Keyword = Annotated[str, Meta(pattern=patterns.TEXT, min_length=1, max_length=128)]
RouteName = Annotated[str, Meta(pattern=patterns.ROUTE, max_length=63)]


class ProviderRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A Provider in the same namespace."""

    name: Annotated[ObjectName, doc("Name of the Provider.")]


class Matcher(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """Who says which route a prompt belongs to."""

    schema: ClassVar[dict[str, object]] = {CEL: [SCORER_NEEDS_MODEL, MODE_FITS_TYPE]}

    type: Annotated[
        MatcherType,
        doc("Keywords: those of the routes. Scorer: a model that is asked. General and Code: classifiers that are built in."),
    ] = "Keywords"
    provider_ref: Annotated[ProviderRef | None, doc("Scorer: the Provider that has the model, speaking OpenAI's protocol.")] = (
        None
    )
    model: Annotated[Alias | None, doc("Scorer: the model, as that Provider calls it.")] = None
    timeout_milliseconds: Annotated[
        Annotated[int, Meta(ge=1, le=10_000)], doc("Scorer: after this the prompt belongs to no route.")
    ] = 500
    mode: Annotated[
        Literal["Balanced", "Quality", "Cost", "Latency", "Auto", "Price", "Agentic"] | None,
        doc(
            "What counts most. General: Balanced (default), Quality, Cost, Latency. "
            "Code: Auto (default), Price, Quality, Agentic."
        ),
    ] = None


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A kind of request, and the backends that suit it."""

    name: Annotated[RouteName, doc("What the ledger calls it.")]
    description: Annotated[RouteText, doc("What belongs to it, in words: the Scorer reads them.")]
    models: Annotated[
        tuple[BackendName, ...],
        Meta(min_length=1, max_length=16),
        doc("Backends of the Model that suit it, best first: <provider prefix>/<model>."),
    ]
    keywords: Annotated[
        tuple[Keyword, ...], Meta(max_length=64), doc("Keywords: words of which one in the prompt is enough.")
    ] = ()
    prefer: Annotated[
        Literal["None", "Cheapest", "Fastest"], doc("Their order: as they are named, by known price, or by measured latency.")
    ] = "None"


class Routing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Choosing a backend by what is asked. Without it no prompt is ever looked at."""

    schema: ClassVar[dict[str, object]] = {CEL: [ROUTES_NEEDED, ROUTES_ONCE]}

    matcher: Annotated[Matcher | None, doc("Who says which route a prompt belongs to; Keywords if it is left out.")] = None
    routes: Annotated[
        tuple[Route, ...], Meta(max_length=16), doc("Kinds of requests; of several that fit the first counts.")
    ] = ()
