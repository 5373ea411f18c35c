"""Providers with several credentials: spread over them, and one that is refused or throttled is out for a while alone."""

import json
from collections import Counter
from collections.abc import Callable

import pytest
from tests.support.manifests import Manifest, build_secret, model, provider
from tests.support.planned import Bed, policy, rule
from tests.support.queued_provider import Answer, QueuedProvider

POOL = ("sk-pool-one", "sk-pool-two", "sk-pool-three")
LIMIT = policy(rule("DifferentProvider", 1, 429))
Pool = Callable[..., tuple[str, ...]]


def pooled(name: str, mock: QueuedProvider, credentials: tuple[str, ...]) -> list[Manifest]:
    first, *others = credentials
    more = [{"secretRef": {"name": f"{name}-more", "key": str(number)}} for number in range(len(others))]
    secret = build_secret(f"{name}-more", {str(number): value for number, value in enumerate(others)})
    return [*provider(name, mock.url, credential=first, credentials=more), secret]


@pytest.fixture(scope="module", autouse=True)
def pools(session_bed: Bed) -> None:
    """A Provider for each test, all of them at the primary mock; the last one has a single credential."""
    names = ("spread", "refused", "limited", "rescued", "spent")
    manifests = [part for name in names for part in pooled(f"pool-{name}", session_bed.primary, POOL)]
    session_bed.gateway.apply(
        *manifests,
        *pooled("pool-single", session_bed.primary, POOL[:1]),
        model("in-pool-limited", "pool-limited", retryPolicy=policy(rule("SameModel", 2, 429))),
        model("in-pool-rescued", "pool-rescued", "anthropic", retryPolicy=LIMIT),
        model("in-pool-single", "pool-single", retryPolicy=policy(rule("SameModel", 1, 429))),
        file="pools",
    )


def shown(mock: QueuedProvider) -> Counter[str]:
    """How often each credential came."""
    return Counter(call.headers["authorization"].removeprefix("Bearer ") for call in mock.calls)


def blocked(bed: Bed, prefix: str) -> list[float]:
    """Seconds for which credentials of a Provider are still out."""
    health = bed.health()
    scopes = [block for scope, block in health["blocks"].items() if scope.startswith(f"c:{prefix}#")]
    return [(until_ms - health["now"]) / 1000 for until_ms, _ in scopes if until_ms > health["now"]]


def test_requests_are_spread_over_the_credentials(bed: Bed) -> None:
    for _ in range(30):
        assert bed.ask("pool-spread/x").status == 200
    assert set(shown(bed.primary)) == set(POOL)
    assert min(shown(bed.primary).values()) >= 4


@pytest.mark.parametrize(("name", "status"), [("refused", 401), ("spent", 403)])
def test_a_refused_credential_is_out_and_the_request_succeeds_with_another(bed: Bed, name: str, status: int) -> None:
    """Without a policy: what is built in tries each healthy credential of the Provider."""
    for credential in POOL[:2]:
        bed.primary.refuses(credential, Answer(status))
    for _ in range(6):
        assert bed.ask(f"pool-{name}/x").status == 200
    seen = shown(bed.primary)
    assert seen[POOL[2]] == 6
    assert [seen[credential] <= 1 for credential in POOL[:2]] == [True, True]
    assert all(290 < seconds <= 300 for seconds in blocked(bed, f"pool-{name}"))


def test_a_limited_credential_is_out_for_its_retry_after_and_the_next_is_tried_at_once(bed: Bed) -> None:
    for credential, seconds in zip(POOL[:2], ("70", "50"), strict=True):
        bed.primary.refuses(credential, Answer(429, headers={"Retry-After": seconds}))
    for _ in range(4):
        outcome = bed.chat("in-pool-limited")
        assert outcome.status == 200
        assert all(each["waited_ms"] == 0 for each in bed.record(outcome)["attempts"])
    assert shown(bed.primary)[POOL[2]] == 4
    assert bed.blocks("m:pool-limited/in-pool-limited") == 0, "only the credential is"
    assert all(45 < seconds <= 70 for seconds in blocked(bed, "pool-limited"))


def test_when_every_credential_is_out_another_backend_is_taken(bed: Bed) -> None:
    bed.answer(Answer(429))
    for _ in range(4):
        assert bed.chat("in-pool-rescued").status == 200
    assert len(bed.primary.calls) == 3
    assert len(blocked(bed, "pool-rescued")) == 3
    assert bed.chat("in-pool-rescued").headers["x-ostiary-attempts"] == "1"
    assert len(bed.primary.calls) == 3


def test_the_only_credential_is_never_out(bed: Bed) -> None:
    bed.answer([Answer(429), Answer()])
    assert bed.chat("in-pool-single").status == 200
    assert blocked(bed, "pool-single") == []


def test_no_credential_is_told(bed: Bed) -> None:
    """Neither by the health report nor by a record nor by a log."""
    bed.answer(Answer(401))
    bed.chat("pool-spread/x")
    told = json.dumps(bed.health()) + json.dumps(bed.gateway.ledger()) + bed.gateway.output
    assert "sk-pool" not in told
