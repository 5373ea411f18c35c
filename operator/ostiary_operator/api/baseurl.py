"""A provider's base URL, taken apart."""

import ipaddress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from ostiary_operator.api.metadata import Invalid

_FIELD = "spec.baseURL"
_PORTS = {"http": 80, "https": 443}
_CLOUD_METADATA = ipaddress.ip_address("fd00:ec2::254")  # link-local in all but its address
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrl:
    """`host` is lower-case and without brackets; `address` is set if it is no name. `path` has no slash at the end."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str
    address: Address | None

    @property
    def bracketed(self) -> str:
        return f"[{self.host}]" if isinstance(self.address, ipaddress.IPv6Address) else self.host

    @property
    def authority(self) -> str:
        """For `Host`: the port is named if it is not the scheme's own."""
        return self.bracketed if self.port == _PORTS[self.scheme] else f"{self.bracketed}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether this is the machine itself, or what only its network card can reach (cloud metadata)."""
        if self.address is None:
            return self.host == "localhost" or self.host.endswith(".localhost")
        mapped = getattr(self.address, "ipv4_mapped", None) or self.address
        unreachable = mapped.is_loopback or mapped.is_unspecified or mapped.is_multicast
        return unreachable or mapped.is_link_local or mapped == _CLOUD_METADATA


def parse(text: str) -> BaseUrl | Invalid:
    """Take apart a text that fits `patterns.BASE_URL`; numbers that only look like an address are refused."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return Invalid(_FIELD, "its host is neither a name nor an IP address, or its port no port")
    host = (parts.hostname or "").lower()
    if parts.scheme not in ("http", "https"):
        return Invalid(_FIELD, "must begin with http:// or https://")
    if {".", ".."} & set(parts.path.split("/")):
        return Invalid(_FIELD, "must not have . or .. as a segment")
    address = _address(host)
    if address is None and (":" in host or not _is_name(host)):
        return Invalid(_FIELD, "its host is neither a name nor an IP address")
    if len(host) > 253:  # noqa: PLR2004 - the longest name that DNS knows
        return Invalid(_FIELD, "its host is longer than 253 characters")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    port = _PORTS[scheme] if port is None else port
    return BaseUrl(scheme=scheme, host=host, port=port, path=parts.path.rstrip("/"), address=address)


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """Whether the last label is one of letters: numbers there mean an address to many a program."""
    last = host.rpartition(".")[2]
    return bool(last) and not last.isdigit() and not last.startswith("0x")
