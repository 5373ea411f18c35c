"""The columns of the matrix: a provider of each kind, all of them at the fake provider's address.

Below `/mistral` that is as strict as Mistral's API, and tells usage unasked.
"""

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.support.manifests import Manifest, build_secret, model, provider

PURPOSES: Mapping[str, str] = {  # what a Model is for -> the script of the fake provider
    "echo": "echo",
    "tools": "plain",
    "slow": "slow-30x200",
    "fault": "fault-3",
    **{str(status): f"status-{status}" for status in (400, 401, 403, 404, 413, 429, 500, 503, 529)},
}
_SPECS: Mapping[str, dict[str, Any]] = {  # name -> spec of the Provider
    "openai": {"kind": "openai"},
    "responses only": {"kind": "openai", "speaks": ["responses"]},
    "anthropic": {"kind": "anthropic"},
    "google": {"kind": "google"},
    "bedrock": {"kind": "bedrock", "bedrock": {"region": "eu-central-1"}},
    "azure": {"kind": "azure-openai", "azure": {"deployments": True, "apiVersion": "2025-04-01-preview"}},
    "vertex": {"kind": "vertex", "vertex": {"project": "sample-project", "region": "europe-west4"}},
    "mistral": {"kind": "mistral"},
}
PROVIDERS = tuple(_SPECS)
NATIVE: Mapping[str, tuple[str, ...]] = {  # client's dialect -> providers that are asked in it, byte for byte
    "messages": ("anthropic",),
    "responses": ("openai", "responses only", "azure"),
}
EMBEDDERS = ("openai", "google", "azure", "mistral")
_SERVER, _BUSY = "The server had an error while processing your request", "The model is overloaded. Please try again later."
FAULTS: Mapping[str, str] = {  # what each says where it breaks off a stream
    "openai": _SERVER, "responses only": _SERVER, "anthropic": "Overloaded", "google": _BUSY,
    "bedrock": "Too many tokens, please wait before trying again.", "azure": _SERVER, "vertex": _BUSY,
    "mistral": "Service unavailable.",
}  # fmt: skip
_KEYS = {
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "secretAccessKey": "secret-of-AKIAIOSFODNN7EXAMPLE",  # as the fake provider knows it
}


def models(of: str) -> dict[str, str]:
    """By purpose, the names that clients ask for; overloaded (529) is a word of Anthropic's alone."""
    return {purpose: f"via-{_slug(of)}-{purpose}" for purpose in PURPOSES if purpose != "529" or of == "anthropic"}


def manifests(url: str) -> list[Manifest]:
    made: list[Manifest] = []
    for name, spec in _SPECS.items():
        made += _provider(_slug(name), f"{url}/mistral" if spec["kind"] == "mistral" else url, spec)
        made += [model(asked, f"{_slug(name)}/{PURPOSES[purpose]}") for purpose, asked in models(name).items()]
    return made


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _provider(name: str, url: str, spec: dict[str, Any]) -> list[Manifest]:
    kind = spec["kind"]
    if kind not in ("bedrock", "vertex"):
        return provider(name, url, credential="credential-of-the-matrix", **spec)
    secret = f"{name}-credential"
    if kind == "bedrock":
        credential, values = {"kind": "AWS", "secretRef": {"name": secret}}, _KEYS
    else:
        credential = {"kind": "ServiceAccount", "secretRef": {"name": secret, "key": "key"}}
        values = {"key": _service_account(url)}
    (made,) = provider(name, url, **spec)
    made["spec"]["credential"] = credential
    return [made, build_secret(secret, values)]


def _service_account(url: str) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
    account = {
        "type": "service_account",
        "project_id": "sample-project",
        "private_key_id": "0a1b2c",
        "private_key": pem,
        "client_email": "matrix@sample-project.iam.gserviceaccount.com",
        "token_uri": f"{url}/token",
    }
    return json.dumps(account)
