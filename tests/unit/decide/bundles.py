"""Bundles for tests of the sidecar: two providers, a few keys."""

import hashlib

import msgspec

from ostiary_gateway.contract import allowlist, bundle, document
from ostiary_gateway.contract.allowlist import Entry
from ostiary_gateway.contract.bundle import Bundle
from ostiary_gateway.contract.document import Document, Provider
from ostiary_gateway.contract.limits import Budget, Terms
from ostiary_gateway.contract.model import Model, ModelBackend
from ostiary_gateway.contract.price import Price

KEY = "sk-test-1"
CREDENTIAL = "sk-provider-secret"

OPENAI = Provider(
    id="prod/openai",
    name="openai",
    prefix="openai",
    type="openai",
    scheme="https",
    host="api.openai.com",
    upstream="api_openai_com",
    credential_mode="held",
)
ANTHROPIC = Provider(
    id="prod/anthropic",
    name="anthropic",
    prefix="anthropic",
    type="anthropic",
    scheme="https",
    host="api.anthropic.com",
    upstream="api_anthropic_com",
    base_path="/base",
    credential_header="x-api-key",
    managed=False,
)

SECOND = msgspec.structs.replace(
    OPENAI, id="prod/second", name="second", prefix="second", host="api.second.example", upstream="api_second_example"
)
SECRETS = {OPENAI.id: [CREDENTIAL], SECOND.id: ["sk-second"]}


def model(name: str, *backends: str, **fields: object) -> Model:
    """A Model over backends written as `<prefix>/<provider model>`."""
    places = [backend.partition("/") for backend in backends]
    return Model(
        id=f"prod/{name}",
        name=name,
        backends=tuple(ModelBackend(provider=prefix, model=rest) for prefix, _, rest in places),
        **fields,
    )


def priced(name: str, backend: str, into: str, out: str, **fields: object) -> Model:
    """A Model over one backend, with prices per million tokens."""
    made = model(name, backend, **fields)
    (place,) = made.backends
    return msgspec.structs.replace(made, backends=(msgspec.structs.replace(place, price=Price(input=into, output=out)),))


def terms(**fields: object) -> str:
    """As the allow-list holds them."""
    return msgspec.json.encode(Terms(**fields)).decode()


def sha(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def entry(key: str = KEY, **fields: object) -> Entry:
    fields = {"id": f"id-{key}", "owner": "team", "added": "2026-01-01", **fields}
    return Entry(sha256=sha(key), **fields)


def make(
    *shards: list[Entry],
    providers: tuple[Provider, ...] = (OPENAI, ANTHROPIC),
    credentials: dict[str, list[str]] | None = None,
    upstreams: bytes = b"# none\n",
    models: tuple[Model, ...] = (),
    budgets: tuple[Budget, ...] = (),
) -> Bundle:
    pools = {OPENAI.id: [CREDENTIAL]} if credentials is None else credentials
    files = {
        bundle.DOCUMENT: document.encode(Document(version=document.VERSION, providers=providers, models=models, budgets=budgets)),
        bundle.UPSTREAMS: upstreams,
        bundle.CREDENTIALS: msgspec.json.encode(pools),
    }
    for number, rows in enumerate(shards or ([entry()],)):
        files[bundle.ALLOWLIST.format(number)] = allowlist.write(rows).encode()
    return bundle.build(files)
