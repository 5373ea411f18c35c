"""The manifests of an import: Providers found on the way, Models, keys; their names; and a last look at each."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_gateway.contract.document import CredentialHeader, ProviderType
from ostiary_operator.api import decode, names, patterns
from ostiary_operator.api.credential import Kind
from ostiary_operator.api.provider import RESERVED_PREFIXES
from ostiary_operator.importing.outcome import Manifest

_LONGEST_LABEL = 63
_LONGEST_NAME = 200
MOST_KEY_MODELS = 128
ENV = "env"
NO_CREDENTIAL = "no-credential"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A vendor, its address and what is shown there: what one Provider stands for.

    `entry` is the key of the Secret `env` that holds the credential; empty is none, and none is asked for there, or (`kind` AWS)
    several. `place` is what says where in a cloud it is, as the name of the field and its values; `base_url` may be empty then.
    """

    vendor: str
    type: ProviderType
    base_url: str
    entry: str = ""
    header: CredentialHeader | None = None
    passthrough_auth: bool = False
    host_header: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    kind: Kind = "APIKey"
    place: tuple[str, tuple[tuple[str, str | bool], ...]] = ("", ())


class Accounts:
    """Every account once, under a prefix of its own; the first of a vendor has the vendor's name."""

    def __init__(self) -> None:
        self._prefixes: dict[Account, str] = {}

    def prefix(self, account: Account) -> str:
        if account not in self._prefixes:
            wanted = label(account.vendor)
            wanted = f"{wanted}-provider"[:_LONGEST_LABEL] if wanted in RESERVED_PREFIXES else wanted
            self._prefixes[account] = unused(wanted, self._prefixes.values(), _LONGEST_LABEL)
        return self._prefixes[account]

    def manifests(self, breaker: dict[str, int] | None = None) -> Iterator[Manifest]:
        for account, prefix in self._prefixes.items():
            yield manifest(names.PROVIDER, prefix, _provider(account) | ({"breaker": breaker} if breaker else {}))
        if any(not account.entry and account.kind != "AWS" and not account.passthrough_auth for account in self._prefixes):
            metadata = {"name": NO_CREDENTIAL}
            yield {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"credential": "none"}}


def _provider(account: Account) -> dict[str, Any]:
    field, values = account.place
    return {
        "type": account.type,
        **({"baseURL": account.base_url} if account.base_url else {}),
        **({field: dict(values)} if field else {}),
        **({"passthroughAuth": True} if account.passthrough_auth else {"credential": _credential(account)}),
        "passThrough": False,
        **({"hostHeader": account.host_header} if account.host_header else {}),
        **({"headers": [{"name": name, "value": value} for name, value in account.headers]} if account.headers else {}),
    }


def _credential(account: Account) -> dict[str, Any]:
    if account.kind == "AWS":
        return {"kind": account.kind, "secretRef": {"name": ENV}}
    name, key = (ENV, account.entry) if account.entry else (NO_CREDENTIAL, "credential")
    return {
        **({"kind": account.kind} if account.kind != "APIKey" else {}),
        "secretRef": {"name": name, "key": key},
        **({"header": account.header} if account.header else {}),
    }


def manifest(kind: str, name: str, spec: dict[str, Any]) -> Manifest:
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def key_of(key: str, models: Iterable[str]) -> Manifest:
    """An ApiKey that lets the key in, for these Models; for all if there are more than it can name."""
    patterns_ = list(dict.fromkeys(models))
    spec: dict[str, Any] = {"sha256": hash_key(key)}
    return manifest(names.API_KEY, "imported", spec | ({"models": patterns_} if 0 < len(patterns_) <= MOST_KEY_MODELS else {}))


def label(text: str) -> str:
    """The nearest text that can be a prefix."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST_LABEL].strip("-") or "provider"


def object_name(text: str) -> str:
    """The nearest text that can be the name of an object."""
    plain = re.sub(r"[^a-z0-9.]+", "-", text.lower().replace("*", "any"))
    return re.sub(r"[.-]*\.[.-]*", ".", plain).strip("-.")[:_LONGEST_NAME].strip("-.") or "model"


def unused(wanted: str, taken: Iterable[str], longest: int = _LONGEST_NAME) -> str:
    """The text, or the text and the first number that makes it another one."""
    known = set(taken)
    tries = (wanted if number == 1 else f"{wanted[: longest - 6].rstrip('-.')}-{number}" for number in range(1, len(known) + 2))
    return next(name for name in tries if name not in known)


def problem(made: Manifest) -> str:
    """Why Ostiary would refuse a manifest; empty if it would not. It keeps what is written within the CRDs' limits."""
    match made["kind"]:
        case names.PROVIDER:
            invalid = decode.provider(made).invalid
        case names.MODEL:
            invalid = decode.model(made).invalid
        case names.API_KEY:
            invalid = decode.api_key(made).invalid
        case _:
            invalid = None
    return "" if invalid is None else f"{invalid.field}: {invalid.message}"


def is_client_name(text: str) -> bool:
    return len(text) <= 256 and re.fullmatch(patterns.CLIENT_MODEL, text) is not None  # noqa: PLR2004 - the CRD's


def is_alias(text: str) -> bool:
    return len(text) <= 256 and re.fullmatch(patterns.ALIAS, text) is not None  # noqa: PLR2004 - the CRD's
