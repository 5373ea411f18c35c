"""Provider credentials as header values: pools by provider, and in which header they go."""

import re
from collections.abc import Mapping

import msgspec

from ostiary_gateway.contract.document import CredentialHeader, Provider

Pools = Mapping[str, tuple[str, ...]]
"""Credentials by the id of their provider, first the one that counts where only one does."""

_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")


def decode(text: bytes) -> Pools:
    """Pools of the credentials that can stand in a header; one with a line end in it is none.

    Raises:
        msgspec.DecodeError, UnicodeDecodeError: the text is no such file.
    """
    pools = msgspec.json.decode(text, type=dict[str, list[str]])
    return {provider: _usable(pool) for provider, pool in pools.items()}


def header_values(provider: Provider, pools: Pools) -> tuple[str, ...]:
    """What the provider's header may say, one value per credential; empty where Ostiary holds none."""
    return tuple(_header_value(provider.credential_header, secret) for secret in pools.get(provider.id, ()))


def _usable(pool: list[str]) -> tuple[str, ...]:
    values = (value for value in map(str.strip, pool) if _HEADER_VALUE.fullmatch(value))
    return tuple(dict.fromkeys(values))


def _header_value(header: CredentialHeader, secret: str) -> str:
    return f"Bearer {secret}" if header == "authorization" else secret
