"""A gateway before the strict fake, which plays a provider of every dialect: `openai`, `anthropic`, `google`, `bedrock`."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.client import Reply, call
from tests.support.gateway import Gateway, Record
from tests.support.manifests import Manifest, api_key, build_secret, model, provider
from tests.support.provider import Provider, Seen

KEY = "sk-test-translated"
CHAT, COMPLETIONS, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses"
HELLO = [{"role": "user", "content": "good morning"}]
DIALECTS = ("openai", "anthropic", "google", "bedrock")
_AWS = {"AWS_ACCESS_KEY_ID": "AKIAFAKE", "AWS_SECRET_ACCESS_KEY": "secret-of-AKIAFAKE", "AWS_SESSION_TOKEN": "a-token"}


@dataclass(frozen=True)
class Outcome:
    """An answer with what the provider saw of the request and the ledger says of it; `seen` is empty if it was never asked."""

    reply: Reply
    seen: list[Seen]
    record: Record

    @property
    def sent(self) -> Any:
        """The body of the only request that reached the provider."""
        (seen,) = self.seen
        return json.loads(seen.body)


class Translated:
    def __init__(self, gateway: Gateway, provider: Provider) -> None:
        self.gateway = gateway
        self.provider = provider

    def ask(self, path: str, body: object, key: str | None = KEY, **headers: str) -> Outcome:
        request_id = uuid4().hex
        reply = call(self.gateway.base_url, path, body, key=key, headers={"x-request-id": request_id, **headers})
        return Outcome(reply, self.provider.find(request_id), self.gateway.record(request_id))

    def chat(self, model: str, **fields: object) -> Outcome:
        return self.ask(CHAT, {"model": model, "messages": HELLO, **fields})

    def messages(self, model: str, **fields: object) -> Outcome:
        return self.ask(MESSAGES, {"model": model, "messages": HELLO, "max_tokens": 64, **fields})


def providers(url: str) -> list[Manifest]:
    bedrock = {
        "apiVersion": "ostiary.dev/v1alpha1",
        "kind": "Provider",
        "metadata": {"name": "bedrock"},
        "spec": {
            "type": "bedrock",
            "baseURL": url,
            "bedrock": {"region": "eu-central-1"},
            "credential": {"kind": "AWS", "secretRef": {"name": "aws"}},
        },
    }
    return [
        *provider("openai", url, credential="sk-credential-of-openai"),
        *provider("anthropic", url, "anthropic", credential="sk-credential-of-anthropic"),
        *provider("google", url, "google", credential="credential-of-google"),
        bedrock,
        build_secret("aws", _AWS),
    ]


@contextmanager
def open_translated(folder: Path, *more: Manifest, **settings: object) -> Iterator[Translated]:
    fake = Provider(folder / "provider.log")
    gateway = Gateway(folder, **{"upstream_read_seconds": 5, **settings})
    try:
        gateway.start(providers(fake.url), [api_key("translated", KEY)], more)
        yield Translated(gateway, fake)
        gateway.idle()
    finally:
        gateway.drop()
        fake.stop()


def guarded(name: str, *backends: str | Mapping[str, object]) -> Manifest:
    """A Model whose attempts go through the guard."""
    return model(name, *backends, timeouts={"firstByteMilliseconds": 4000})
