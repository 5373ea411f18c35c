"""GZ-20: names of routers, and what is said of a mode that is none."""

import pytest

from ostiary_gateway.routing import names


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("router:general:fast", "router:general"),
        ("router:code:", "router:code"),
        ("Router:Code:X", "router:code"),
        ("gatewayz-general-fast", "router:general"),
        ("gatewayz-code-x", "router:code"),
        ("router:general", None),
        ("router:other:x", None),
        ("my-router:general:x", None),
    ],
)
def test_gz_20_the_router_that_a_name_means(name: str, base: str | None) -> None:
    assert names.base(name) == base


def test_gz_20_the_modes_are_named() -> None:
    assert names.problem("router:general:fast") == "modes of router:general are balanced, quality, cost, latency"
    assert names.problem("gatewayz-code-fast") == "modes of router:code are auto, price, quality, agentic"
