"""Values -> texts: nginx directives through one quoting printer, and the bundle. Pure."""

from ostiary_operator.render.bundles import bundle
from ostiary_operator.render.nginx import Directive, RenderError, to_text
from ostiary_operator.render.upstreams import upstreams

__all__ = ["Directive", "RenderError", "bundle", "to_text", "upstreams"]
