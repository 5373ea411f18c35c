"""What is known of each type of Provider: its address, how it is shown a credential, what it speaks and where.

From the vendors' own API references. Where nothing is said of a dialect, its path is the dialect's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from ostiary_gateway.contract.dialect import Dialect
from ostiary_gateway.contract.document import CredentialHeader, ProviderType
from ostiary_operator.api import patterns
from ostiary_operator.api.fields import CEL, cel, doc

Paths = tuple[str, str]
"""Of a request, and of a stream where that is another. `{model}` is the gateway's to fill in, everything else ours."""

_OPENAI: tuple[Dialect, ...] = (
    "chat", "completions", "responses", "embeddings", "images", "audio", "moderations", "files", "batches",
)  # fmt: skip
_DEPLOYMENT = "/openai/deployments/{model}"
_VERTEX = "/v1/projects/{project}/locations/{region}"
_GEMINI = f"{_VERTEX}/publishers/google/models/{{model}}"

VERSION_NEEDED = cel("!self.deployments || has(self.apiVersion)", "deployments need an apiVersion", ".apiVersion")

Region = Annotated[str, Meta(pattern=patterns.REGION, max_length=63)]


class Azure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """Which of Azure's two APIs."""

    schema: ClassVar[dict[str, object]] = {CEL: [VERSION_NEEDED]}

    api_version: Annotated[
        Annotated[str, Meta(pattern=patterns.API_VERSION, max_length=63)] | None,
        doc("api-version of each request. The v1 API needs none; preview takes what is not general yet."),
    ] = None
    deployments: Annotated[
        bool, doc("The older API with dates for versions, where a deployment is part of the path, instead of the v1 API.")
    ] = False


class Bedrock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where in AWS."""

    region: Annotated[Region, doc("Region of the models, as eu-central-1. Requests are signed for it.")]


class Vertex(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where in Google Cloud."""

    project: Annotated[
        Annotated[str, Meta(pattern=patterns.PROJECT, max_length=63)], doc("The project that is charged, by its id.")
    ]
    region: Annotated[Region, doc("Region of the models, as europe-west4, or global.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """`url` is empty where there is none that holds for everybody. `paths`: dialects that are not at their own path.

    `only`: nothing but what stands in `paths` can be asked at all. `keyless`: it asks for no key unless somebody makes it.
    """

    url: str = ""
    header: CredentialHeader = "authorization"
    speaks: tuple[Dialect, ...]
    paths: Mapping[Dialect, Paths] = field(default_factory=dict)
    only: bool = False
    keyless: bool = False


VENDORS: Mapping[ProviderType, Vendor] = {
    "openai": Vendor(url="https://api.openai.com", speaks=_OPENAI),
    "anthropic": Vendor(url="https://api.anthropic.com", header="x-api-key", speaks=("messages", "count_tokens")),
    "google": Vendor(
        url="https://generativelanguage.googleapis.com",
        header="x-goog-api-key",
        speaks=("generate", "embed"),
        paths={"chat": ("/v1beta/openai/chat/completions", ""), "embeddings": ("/v1beta/openai/embeddings", "")},
    ),
    "openai-compatible": Vendor(speaks=("chat", "completions", "embeddings")),
    "azure-openai": Vendor(
        header="api-key", speaks=("chat", "completions", "responses", "embeddings", "images", "audio", "files", "batches")
    ),
    "bedrock": Vendor(
        url="https://bedrock-runtime.{region}.amazonaws.com",
        speaks=("converse",),
        paths={
            "converse": ("/model/{model}/converse", "/model/{model}/converse-stream"),
            "chat": ("/openai/v1/chat/completions", ""),
        },
        only=True,
    ),
    "vertex": Vendor(
        url="https://{region}-aiplatform.googleapis.com",
        header="x-goog-api-key",
        speaks=("generate",),
        paths={
            "generate": (f"{_GEMINI}:generateContent", f"{_GEMINI}:streamGenerateContent?alt=sse"),
            "chat": (f"{_VERTEX}/endpoints/openapi/chat/completions", ""),
        },
        only=True,
    ),
    "mistral": Vendor(url="https://api.mistral.ai", speaks=("chat", "embeddings")),
    "groq": Vendor(url="https://api.groq.com/openai", speaks=("chat", "responses")),
    "deepseek": Vendor(
        url="https://api.deepseek.com", speaks=("chat",), paths={"messages": ("/anthropic/v1/messages", "")}
    ),
    "xai": Vendor(url="https://api.x.ai", speaks=("chat", "responses")),
    "together": Vendor(url="https://api.together.xyz", speaks=("chat", "completions", "embeddings")),
    "openrouter": Vendor(
        url="https://openrouter.ai/api", speaks=("chat", "completions", "responses", "messages", "embeddings")
    ),
    "ollama": Vendor(keyless=True, speaks=("chat", "completions", "embeddings", "responses", "messages")),
    "vllm": Vendor(keyless=True, speaks=("chat", "completions", "embeddings", "responses", "messages", "count_tokens")),
}  # fmt: skip

DEPLOYMENTS = Vendor(
    header="api-key",
    speaks=("chat", "completions", "responses", "embeddings"),
    paths={
        "chat": (f"{_DEPLOYMENT}/chat/completions", ""),
        "completions": (f"{_DEPLOYMENT}/completions", ""),
        "embeddings": (f"{_DEPLOYMENT}/embeddings", ""),
        "responses": ("/openai/responses", ""),
    },
    only=True,
)
"""Azure's older API."""

AZURE_PATH = "/openai"
"""Where Azure's v1 API is, seen from a resource's address."""

WITHOUT_URL = tuple(name for name, vendor in VENDORS.items() if not vendor.url)

NO_KEY = "none"
"""What is shown to who asks for no key: a caller's own, which is Ostiary's, is nothing that it should see."""
