"""Names that mean a router in a mode it does not have (GZ-20): an error that names the modes, never a wildcard's business."""

import re

from ostiary_gateway.routing import code, general

ROUTERS = {"general": general.MODES, "code": code.MODES}
_NAME = re.compile(r"(?:router:(general|code):|gatewayz-(general|code)-)(.*)", re.IGNORECASE | re.DOTALL)


def base(name: str) -> str | None:
    """The Model `router:general` or `router:code` that a name with a mode belongs to; None where it is another kind of name."""
    found = _NAME.fullmatch(name)
    return f"router:{(found[1] or found[2]).lower()}" if found else None


def problem(name: str) -> str:
    """What is wrong with such a name when no Model has it: the words of the 400 after the name."""
    router = (base(name) or "").removeprefix("router:")
    return f"modes of router:{router} are {', '.join(ROUTERS[router])}"
