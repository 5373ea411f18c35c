"""Network ends, as nginx sees them: one for each scheme, host and port."""

from dataclasses import dataclass

from ostiary_operator.api.baseurl import BaseUrl

_LOOPBACK_NAMES = ("localhost",)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Upstream:
    """`server` is `host:port`; `resolve`: it is a name, which nginx asks its resolver for again and again."""

    name: str
    server: str
    resolve: bool


def upstream_of(url: BaseUrl, cluster_domain: str) -> Upstream:
    """Where to connect for a base URL.

    http and https never share connections, so they never share an upstream. nginx's resolver knows no search domains,
    hence the cluster domain after `.svc`; it knows no /etc/hosts either, hence the address for localhost.
    """
    host = url.host.replace(":", "-")
    name = f"os_{url.scheme}_{host}_{url.port}"
    if url.address is not None:
        return Upstream(name=name, server=f"{url.bracketed}:{url.port}", resolve=False)
    if url.host in _LOOPBACK_NAMES:
        return Upstream(name=name, server=f"127.0.0.1:{url.port}", resolve=False)
    domain = f".{cluster_domain}" if url.host.endswith(".svc") else ""
    return Upstream(name=name, server=f"{url.host}{domain}:{url.port}", resolve=True)
