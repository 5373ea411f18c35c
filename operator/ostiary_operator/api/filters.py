"""`spec.filters` of a Model: what looks at a request before it goes anywhere."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ostiary_operator.api import patterns
from ostiary_operator.api.fields import CEL, NO_DOTS, Alias, BaseUrl, HeaderName, HeaderValue, cel, doc
from ostiary_operator.api.routing import ProviderRef, RouteName

FilterType = Literal["HTTP", "Patterns", "Jailbreak"]
OnFailure = Literal["Open", "Closed"]
Action = Literal["Redact", "Reject"]
PatternName = Literal[
    "secrets", "pii",
    "private-key", "jwt", "anthropic-key", "openai-key", "stripe-key", "github-token", "gitlab-token", "huggingface-token",
    "slack-token", "google-key", "aws-key", "url-credentials",
    "iban", "credit-card", "it-fiscal-code", "fr-nir", "br-cpf", "es-dni", "us-ssn", "uk-nino", "email", "phone", "ip-address",
]  # fmt: skip
"""Two groups, then what is in them: `ostiary_gateway.filters.patterns`, which a test compares."""

HTTP_NEEDS_URL = cel("(self.type == 'HTTP') == has(self.url)", "is what type HTTP needs, and no other has", ".url")
HEADERS_NEED_HTTP = cel("!has(self.headers) || size(self.headers) == 0 || self.type == 'HTTP'", "are for type HTTP", ".headers")
PATTERNS_NEEDED = cel(
    "(self.type == 'Patterns') == (has(self.patterns) && size(self.patterns) > 0)",
    "are what type Patterns needs, and no other has",
    ".patterns",
)
SCORER_IS_WHOLE = cel(
    "has(self.providerRef) == has(self.model) && (!has(self.model) || self.type == 'Jailbreak')",
    "providerRef and model belong together, and to type Jailbreak",
    ".providerRef",
)
FILTERS_ONCE = cel(
    "!has(self.filters) || self.filters.all(f, self.filters.exists_one(o, o.name == f.name))",
    "filters must not have one name twice",
    ".filters",
)

Message = Annotated[str, Meta(pattern=patterns.TEXT, max_length=1024)]


class FilterHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A header that an HTTP filter is sent. Its value is no secret: it is stored and shown in plain text."""

    name: Annotated[HeaderName, doc("Name of the header.")]
    value: Annotated[HeaderValue, doc("Value of the header.")]


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """One link of the chain."""

    schema: ClassVar[dict[str, object]] = {CEL: [HTTP_NEEDS_URL, HEADERS_NEED_HTTP, PATTERNS_NEEDED, SCORER_IS_WHOLE]}

    name: Annotated[RouteName, doc("What errors, metrics and logs call it.")]
    type: Annotated[
        FilterType,
        doc(
            "HTTP: a service of yours, which is sent the body and may change or refuse it. Patterns: personal data and secrets, "
            "found by their form. Jailbreak: a score of how likely the prompt is an attack."
        ),
    ]
    url: Annotated[BaseUrl | None, doc("HTTP: where the body is posted to.", NO_DOTS)] = None
    headers: Annotated[tuple[FilterHeader, ...], Meta(max_length=16), doc("HTTP: sent with each request to it. No secrets.")] = ()
    timeout_milliseconds: Annotated[
        Annotated[int, Meta(ge=1, le=60_000)], doc("HTTP and Jailbreak with a model: how long it may take.")
    ] = 1000
    on_failure: Annotated[
        OnFailure, doc("Where it cannot be asked, or not in time: Closed refuses the request, Open goes on without it.")
    ] = "Closed"
    patterns: Annotated[
        tuple[PatternName, ...],
        Meta(max_length=32),
        doc("Patterns: what is looked for. secrets and pii stand for all of their kind."),
    ] = ()
    action: Annotated[
        Action, doc("Patterns: put [EMAIL_1] and the like in the place of what is found, or refuse the request.")
    ] = "Reject"
    provider_ref: Annotated[
        ProviderRef | None, doc("Jailbreak: the Provider of a scoring model. Without it rules over words score the prompt.")
    ] = None
    model: Annotated[Alias | None, doc("Jailbreak: the scoring model, as that Provider calls it.")] = None
    threshold_percent: Annotated[
        Annotated[int, Meta(ge=1, le=100)], doc("Jailbreak: from this score on the request is refused.")
    ] = 50
    message: Annotated[Message | None, doc("Jailbreak: what the client is told then.")] = None


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """What GET /v1/models tells of the Model, beside what is known of its backends."""

    context_length: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000_000)] | None, doc("Most tokens that a request and its answer may have together.")
    ] = None
    description: Annotated[Message | None, doc("What it is, in a sentence.")] = None
    modalities: Annotated[
        tuple[Literal["text", "image", "audio", "video", "file"], ...], Meta(max_length=5), doc("What it takes.")
    ] = ()
