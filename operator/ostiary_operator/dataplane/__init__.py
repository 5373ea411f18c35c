"""Graph -> what the gateway needs to know: the document, the allow-list's rows, credentials and upstreams. Pure."""

from ostiary_operator.dataplane.compilation import Compiled, compile_graph
from ostiary_operator.dataplane.upstreams import Upstream

__all__ = ["Compiled", "Upstream", "compile_graph"]
