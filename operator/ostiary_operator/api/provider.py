"""`Provider`: a vendor account, or any address that speaks one of the vendors' protocols."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from ostiary_gateway.contract.dialect import Dialect
from ostiary_gateway.contract.document import ProviderType
from ostiary_operator.api.conditions import Condition
from ostiary_operator.api.credential import Credential, CredentialRef, PoolCredential
from ostiary_operator.api.fields import CEL, NO_DOTS, Authority, BaseUrl, HeaderName, HeaderValue, Label, cel, doc
from ostiary_operator.api.metadata import Invalid, Metadata
from ostiary_operator.api.vendors import DEPLOYMENTS, VENDORS, WITHOUT_URL, Azure, Bedrock, Vendor, Vertex

RESERVED_PREFIXES = (
    "admin", "auth", "health", "healthz", "livez", "metrics", "ping", "readyz", "routing", "stats",
    "v1", "v1alpha", "v1beta",
)  # fmt: skip
_RESERVED = "[" + ", ".join(f"'{prefix}'" for prefix in RESERVED_PREFIXES) + "]"

REFUSED_HEADERS = (
    "accept-encoding", "api-key", "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie",
    "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade", "x-api-key", "x-goog-api-key", "x-ostiary-guard", "x-request-id",
)  # fmt: skip
"""What decides where a request ends, who it is from, or what Ostiary itself says in it."""
DEFAULT_DRAIN_SECONDS = 30

POOL_NEEDS_CREDENTIAL = cel(
    "!has(self.credentials) || size(self.credentials) == 0 || has(self.credential)",
    "credentials are further ones: credential must be set",
    ".credentials",
)
ONE_WAY_TO_PAY = cel(
    "!self.passthroughAuth || !has(self.credential)",
    "passthroughAuth sends the caller's own credential: credential must not be set",
    ".passthroughAuth",
)
POOL_KEY_FITS_KIND = cel(
    "!has(self.credentials) || !has(self.credential) || "
    "self.credentials.all(c, (self.credential.kind == 'AWS') != has(c.secretRef.key))",
    "each names one entry of its Secret, unless the credential's kind is AWS",
    ".credentials",
)
KIND_FITS_TYPE = cel(
    "!has(self.credential) || self.credential.kind == 'APIKey' || "
    "(self.credential.kind == 'AWS' && self.type == 'bedrock') || "
    "(self.credential.kind == 'ServiceAccount' && self.type == 'vertex')",
    "kind AWS is for type bedrock, kind ServiceAccount for type vertex",
    ".credential",
)
URL_NEEDED = cel(
    f"has(self.baseURL) || !(self.type in {list(WITHOUT_URL)})",
    f"must be set: {', '.join(WITHOUT_URL)} have no address that holds for everybody",
    ".baseURL",
)
AZURE_FITS_TYPE = cel("!has(self.azure) || self.type == 'azure-openai'", "is for type azure-openai only", ".azure")
BEDROCK_FITS_TYPE = cel("has(self.bedrock) == (self.type == 'bedrock')", "is for type bedrock, which needs it", ".bedrock")
VERTEX_FITS_TYPE = cel("has(self.vertex) == (self.type == 'vertex')", "is for type vertex, which needs it", ".vertex")
SPEAKS_WHAT_IT_CAN = cel(
    "!has(self.speaks) || "
    + " && ".join(
        f"({condition} || self.speaks.all(d, d in {list(vendor.paths)}))"
        for condition, vendor in (
            *((f"self.type != '{name}'", vendor) for name, vendor in VENDORS.items() if vendor.only),
            ("!has(self.azure) || !self.azure.deployments", DEPLOYMENTS),
        )
    ),
    "names a dialect that is not to be had at this type of Provider",
    ".speaks",
)
HEADERS_ONCE = cel(
    "!has(self.headers) || self.headers.all(h, self.headers.exists_one(o, o.name.lowerAscii() == h.name.lowerAscii()))",
    "headers must not name one twice",
    ".headers",
)
HEADER_REFUSED = cel(
    "!(self.lowerAscii() in [" + ", ".join(f"'{name}'" for name in REFUSED_HEADERS) + "])",
    "must not be a header that frames the request, holds a credential or is Ostiary's own",
)


class BreakerSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """When a backend that fails again and again is left alone. Only 5xx, timeouts and failed connections count."""

    consecutive_failures: Annotated[Annotated[int, Meta(ge=1, le=1000)], doc("So many failures in a row open it.")] = 5
    open_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=86_400)], doc("After this one request is let through, to see whether it works again.")
    ] = 300
    warm_up_seconds: Annotated[
        Annotated[int, Meta(ge=0, le=3600)], doc("How long a backend that works again takes to get its full share back.")
    ] = 30


class ExtraHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A header that is sent beside the others. Its value is no secret: it is stored and shown in plain text."""

    name: Annotated[
        HeaderName,
        doc(
            "Name of the header. Not one that frames a request or holds a credential.",
            HEADER_REFUSED,
        ),
    ]
    value: Annotated[HeaderValue, doc("Value of the header; credentials belong into a Secret.")]


class ProviderSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """Where the provider is, and who shows it which credential."""

    schema: ClassVar[dict[str, object]] = {
        CEL: [
            POOL_NEEDS_CREDENTIAL, ONE_WAY_TO_PAY, HEADERS_ONCE, URL_NEEDED, AZURE_FITS_TYPE, BEDROCK_FITS_TYPE, VERTEX_FITS_TYPE,
            KIND_FITS_TYPE, POOL_KEY_FITS_KIND, SPEAKS_WHAT_IT_CAN,
        ]
    }  # fmt: skip

    type: Annotated[ProviderType, doc("Who it is: what it speaks and how it is shown a credential follows from that.")]
    base_url: Annotated[
        BaseUrl | None,
        doc(
            "http(s)://host[:port][/path], without /v1. What follows the prefix of a request's path is appended. "
            "By default the vendor's own address; azure-openai, ollama, vllm and openai-compatible have none. "
            "azure-openai: without a path /openai is meant, unless azure.deployments.",
            NO_DOTS,
        ),
    ] = msgspec.field(name="baseURL", default=None)
    prefix: Annotated[
        Label | None,
        doc(
            "First path segment of pass-through requests, and the part of a model's name before the slash. "
            "By default the name of the object.",
            cel(f"!(self in {_RESERVED})", "is reserved for Ostiary itself"),
        ),
    ] = None
    credential: Annotated[
        Credential | None,
        doc(
            "Sent instead of the caller's. Without it that goes upstream, and /v1 does not serve the provider; "
            "but ollama and vllm, which need none, are served and never sent the caller's."
        ),
    ] = None
    credentials: Annotated[
        tuple[PoolCredential, ...],
        Meta(max_length=16),
        doc("Further credentials, over which /v1 spreads. One that is refused or throttled is left out for a while."),
    ] = ()
    azure: Annotated[Azure | None, doc("azure-openai: which of its APIs.")] = None
    bedrock: Annotated[Bedrock | None, doc("bedrock: where.")] = None
    vertex: Annotated[Vertex | None, doc("vertex: where.")] = None
    speaks: Annotated[
        tuple[Dialect, ...],
        Meta(max_length=14),
        doc(
            "The APIs that it has, instead of those of its type, the preferred one first; requests to /v1 in another are "
            "translated: chat, completions, responses, embeddings (OpenAI), messages, count_tokens (Anthropic), generate, "
            "embed (Google), converse (Bedrock). Never translated: images, audio, moderations, files, batches."
        ),
    ] = ()
    pass_through: Annotated[
        bool, doc("Serve /<prefix>/... untouched. Not where requests have to be signed (credential kind AWS).")
    ] = True
    passthrough_auth: Annotated[bool, doc("Serve /v1 with the caller's own credential.")] = False
    host_header: Annotated[
        Authority | None, doc("Host (and TLS server name) that the provider is to see, instead of baseURL's.")
    ] = None
    headers: Annotated[
        tuple[ExtraHeader, ...], Meta(max_length=16), doc("Sent with every request to /v1, beside the others. No secrets.")
    ] = ()
    breaker: Annotated[BreakerSpec | None, doc("When a backend that fails again and again is left alone.")] = None
    on_client_closed: Annotated[
        Literal["Cancel", "Drain"],
        doc("When the client of a stream leaves: cancel it, or read on for a while to learn what it cost."),
    ] = "Cancel"
    drain_seconds: Annotated[Annotated[int, Meta(ge=1, le=600)], doc("Drain: how long to read on at most.")] = (
        DEFAULT_DRAIN_SECONDS
    )


def vendor_of(spec: ProviderSpec) -> Vendor:
    """What is known of its type, in the form of Azure that is asked for."""
    return DEPLOYMENTS if spec.azure and spec.azure.deployments else VENDORS[spec.type]


def url_of(spec: ProviderSpec) -> str:
    """`baseURL`, or the vendor's own address; empty where neither is there."""
    region = spec.bedrock.region if spec.bedrock else spec.vertex.region if spec.vertex else ""
    url = vendor_of(spec).url
    if spec.type == "vertex" and region == "global":
        url = url.replace("{region}-", "")
    return spec.base_url or url.replace("{region}", region)


class Unhealthy(msgspec.Struct, frozen=True, kw_only=True):
    """A backend that a replica of the gateway leaves alone."""

    backend: Annotated[str, doc("<prefix>/<provider model>")]
    state: Annotated[Literal["OPEN", "HALF_OPEN", "BLOCKED"], doc("OPEN and HALF_OPEN: its breaker. BLOCKED: for a time.")]
    since: Annotated[str, doc("Since when.", format="date-time")]
    replica: Annotated[str, doc("The Pod that says so.")]


class ProviderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the provider."""

    conditions: Annotated[tuple[Condition, ...], doc("Accepted, ResolvedRefs, Programmed, Ready, Healthy, Priced.")] = ()
    prefix: Annotated[str, doc("The prefix in use: spec.prefix or the name of the object.")] = ""
    unhealthy: Annotated[tuple[Unhealthy, ...], doc("Backends that are left alone, the longest first.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Exactly one of `spec` and `invalid` is set."""

    kind: ClassVar[str] = "Provider"
    metadata: Metadata
    spec: ProviderSpec | None
    invalid: Invalid | None = None
    status: ProviderStatus = field(default_factory=ProviderStatus)

    @property
    def prefix(self) -> str:
        return (self.spec and self.spec.prefix) or self.metadata.name

    @property
    def secret_refs(self) -> tuple[CredentialRef, ...]:
        """Where its credentials are, the first one first."""
        if self.spec is None or self.spec.credential is None:
            return ()
        return (self.spec.credential.secret_ref, *(each.secret_ref for each in self.spec.credentials))
