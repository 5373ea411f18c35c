"""How the sidecar sees targets when it ranks them (PL-26)."""

import pytest

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_gateway.contract.decision import Target
from ostiary_gateway.server.reported import Block, Breaker, Reported
from ostiary_gateway.server.sight import Sight

NOW = 1_000_000
SOON, PAST = (NOW + 1, "retry_after"), (NOW, "retry_after")
TARGET = Target(
    id="openai/gpt-4o",
    provider="openai",
    provider_type="openai",
    upstream="u",
    scheme="https",
    host="h",
    base_path="",
    model="gpt-4o",
    credential_header="authorization",
    credentials=("Bearer one", "Bearer two"),
)
FIRST, SECOND = (f"c:openai#{hash_key(value)[:8]}" for value in TARGET.credentials)


def sight(**state: object) -> Sight:
    return Sight(lambda: Reported(now=NOW, **state))


@pytest.mark.parametrize(
    ("blocks", "eligible"),
    [
        ({}, True),
        ({"m:openai/gpt-4o": SOON}, False),
        ({"m:openai/gpt-4o": PAST}, True),
        ({"m:openai/gpt-4o-mini": SOON}, True),
        ({"p:openai": SOON}, False),
        ({FIRST: SOON}, True),
        ({FIRST: SOON, SECOND: SOON}, False),
        ({FIRST: SOON, SECOND: PAST}, True),
    ],
)
def test_pl_26_a_blocked_target_is_not_eligible(blocks: dict[str, Block], *, eligible: bool) -> None:
    assert sight(blocks=blocks).eligible(TARGET) is eligible


@pytest.mark.parametrize(
    ("breaker", "eligible"),
    [
        (Breaker(state="OPEN", opened_at=NOW - 10, open_ms=11), False),
        (Breaker(state="OPEN", opened_at=NOW - 10, open_ms=10), True),
        (Breaker(state="HALF_OPEN", opened_at=NOW - 10, open_ms=5), True),
        (Breaker(state="CLOSED", failures=4), True),
    ],
)
def test_gz_15_a_target_with_an_open_breaker_is_not_eligible(breaker: Breaker, *, eligible: bool) -> None:
    assert sight(breakers={TARGET.id: breaker}).eligible(TARGET) is eligible


def test_pl_26_while_nginx_is_away_everything_is_well() -> None:
    assert Sight(lambda: None).eligible(TARGET)
    assert Sight(lambda: None).latencies == {}


def test_pl_26_latencies_by_target() -> None:
    assert sight(latencies={TARGET.id: (123.5, NOW)}).latencies == {TARGET.id: 123.5}
