"""`upstreams.conf`: the only part of nginx's configuration that depends on custom resources."""

from collections.abc import Iterable

from ostiary_operator.dataplane import Upstream
from ostiary_operator.render.nginx import Directive, to_text

_ZONE = "256k"  # addresses of the host as they come and go, and a TLS session of up to 4 KiB for each
_KEEPALIVE = "64"  # idle connections, per worker
_KEEPALIVE_TIMEOUT = "30s"  # below what providers' load balancers allow


def upstreams(values: Iterable[Upstream]) -> str:
    """One `upstream{}` block per network end; no values, no text."""
    return to_text(_block(value) for value in values)


def _block(value: Upstream) -> Directive:
    """A host that cannot be resolved does not keep nginx from starting: `resolve` asks when nginx runs."""
    server = (value.server, "resolve") if value.resolve else (value.server,)
    return Directive(
        "upstream",
        (value.name,),
        (
            Directive("zone", (value.name, _ZONE)),
            Directive("server", server),
            Directive("keepalive", (_KEEPALIVE,)),
            Directive("keepalive_timeout", (_KEEPALIVE_TIMEOUT,)),
        ),
    )
