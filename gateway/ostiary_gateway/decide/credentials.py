"""Provider credentials as header values: pools by provider, and in which header they go."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from ostiary_gateway.contract.document import CredentialHeader, Provider, Signing

Pools = Mapping[str, tuple[str, ...]]
"""Credentials by the id of their provider, first the one that counts where only one does."""

Tokens = Callable[[str], tuple[str, int] | None]
"""A service account's JSON -> its access token, and the Unix ms until which a decision may hold it. Looks up, never waits."""

_USABLE: Mapping[Signing, re.Pattern[str]] = {
    "header": re.compile(r"[\x20-\x7e]+"),
    "aws": re.compile(r"[!-9;-~]+:[!-9;-~]+(:[!-9;-~]+)?"),
    "google-service-account": re.compile(r"\{[\x20-\x7e\s]*\}"),
}


class Values(NamedTuple):
    """What a provider's header may say, one for each credential. `expires_ms` is Unix ms, 0 where they stay.

    `pending`: there is a service account whose token is not there yet.
    """

    values: tuple[str, ...] = ()
    expires_ms: int = 0
    pending: bool = False


NOTHING = Values()


def decode(text: bytes) -> Pools:
    """Pools of what a file holds, each credential once.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: the text is no such file.
    """
    pools = msgspec.json.decode(text, type=dict[str, list[str]])
    return {provider: tuple(dict.fromkeys(map(str.strip, pool))) for provider, pool in pools.items()}


def usable(provider: Provider, pools: Pools) -> tuple[str, ...]:
    """Those that can be shown: what goes into a header has no line end in it."""
    pattern = _USABLE[provider.signing]
    return tuple(secret for secret in pools.get(provider.id, ()) if pattern.fullmatch(secret))


def header_values(provider: Provider, pools: Pools, tokens: Tokens | None = None) -> Values:
    """What goes upstream; of an AWS key the translator makes a signature."""
    secrets = usable(provider, pools)
    if provider.signing == "google-service-account":
        found = [token for secret in secrets if tokens and (token := tokens(secret))]
        until = min((expires_ms for _, expires_ms in found), default=0)
        return Values(tuple(f"Bearer {token}" for token, _ in found), until, len(found) < len(secrets))
    if provider.signing == "aws":
        return Values(secrets)
    return Values(tuple(_header_value(provider.credential_header, secret) for secret in secrets))


def _header_value(header: CredentialHeader, secret: str) -> str:
    return f"Bearer {secret}" if header == "authorization" else secret
