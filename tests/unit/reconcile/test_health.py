"""What the gateway's pods say of backends, and how often it is passed on: from their annotation to a Provider's status."""

import json
from datetime import timedelta

from tests.support.kube import Kube, running_kube
from tests.support.operator import Clock, condition, pod, provider, running_operator, secret

from ostiary_operator.api.provider import Unhealthy
from ostiary_operator.reconcile.health import Health, Pace, unhealthy

SINCE = "2026-11-21T11:59:00Z"
DEAD = json.dumps({"fake/m": ["OPEN", SINCE]})
NOW = Clock().time


def said(health: str, **more: bool) -> Health:
    return unhealthy([pod("gateway-0", "", health=health, **more)])


def out(backend: str, replica: str = "gateway-0", since: str = SINCE) -> Unhealthy:
    return Unhealthy(backend=backend, state="OPEN", since=since, replica=replica)


def test_backends_belong_to_the_provider_of_their_prefix_the_longest_first() -> None:
    first = json.dumps({"a/x": ["OPEN", "2026-11-21T12:00:00+00:00"], "b/y/z": ["BLOCKED", SINCE]})
    second = json.dumps({"a/x": ["HALF_OPEN", SINCE]})
    found = unhealthy([pod("gateway-0", "", health=first), pod("gateway-1", "", health=second)])
    assert [(each.backend, each.state, each.since, each.replica) for each in found["a"]] == [
        ("a/x", "HALF_OPEN", SINCE, "gateway-1"),
        ("a/x", "OPEN", "2026-11-21T12:00:00Z", "gateway-0"),
    ]
    assert [(each.backend, each.state) for each in found["b"]] == [("b/y/z", "BLOCKED")]


def test_a_pod_that_is_not_ready_has_no_say() -> None:
    assert said(DEAD)
    assert not said(DEAD, ready=False)


def test_what_is_no_report_is_passed_over() -> None:
    for text in (
        "",
        "no json",
        "[]",
        '{"fake/m": "OPEN"}',
        '{"fake/m": ["SICK", "2026-11-21T11:59:00Z"]}',
        '{"fake/m": ["OPEN"]}',
    ):
        assert said(text) == {}
    assert said('{"fake/m": ["OPEN", "yesterday"]}') == {}


def test_of_one_provider_no_more_are_told_than_a_status_can_hold() -> None:
    many = json.dumps({f"fake/m{number}": ["OPEN", SINCE] for number in range(1000)})
    assert len(said(many)["fake"]) == 64


def test_the_first_change_counts_at_once_and_the_next_ones_after_a_pause() -> None:
    pace = Pace()
    assert pace.take({"a": (out("a/x"),)}, NOW) == ({"a": (out("a/x"),)}, None)
    told, due = pace.take({}, NOW + timedelta(seconds=1))
    assert told == {"a": (out("a/x"),)}
    assert due == NOW + timedelta(seconds=10)
    assert pace.take({}, due) == ({}, None)


def test_one_providers_pause_is_not_anothers() -> None:
    pace = Pace()
    pace.take({"a": (out("a/x"),)}, NOW)
    told, due = pace.take({"b": (out("b/y"),)}, NOW + timedelta(seconds=4))
    assert told == {"a": (out("a/x"),), "b": (out("b/y"),)}
    assert due == NOW + timedelta(seconds=10)


def test_what_came_and_went_within_the_pause_is_never_told() -> None:
    pace = Pace()
    sick = {"a": (out("a/x"),)}
    pace.take(sick, NOW)
    pace.take({}, NOW + timedelta(seconds=1))
    assert pace.take(sick, NOW + timedelta(seconds=20)) == (sick, None)


async def test_gz_15_a_provider_shows_which_backends_are_out_and_since_when() -> None:
    def status() -> dict[str, object]:
        found = kube.get("providers", "team", "fake")
        return dict(found["status"]) if found and "status" in found else {}

    clock = Clock()
    async with running_kube() as kube, running_operator(kube, now=clock) as operator:
        await kube.put("secrets", secret("cred", k="sk-provider"))
        await kube.put("providers", provider())
        await kube.put("pods", pod("gateway-0", ""))
        await kube.until(lambda: _healthy(kube) == ("True", "Healthy"))
        await kube.put("pods", pod("gateway-0", "", health=DEAD))
        await kube.until(lambda: _healthy(kube) == ("False", "BreakerOpen"))
        assert status()["unhealthy"] == [{"backend": "fake/m", "state": "OPEN", "since": SINCE, "replica": "gateway-0"}]
        clock.forward(11)
        await kube.put("pods", pod("gateway-0", ""))
        await kube.until(lambda: _healthy(kube) == ("True", "Healthy"))
        assert status()["unhealthy"] == []
        await operator.settled()


async def test_a_breaker_that_flaps_is_written_once_and_an_idle_cluster_writes_nothing() -> None:
    clock = Clock()
    async with running_kube() as kube, running_operator(kube, now=clock) as operator:
        await kube.put("secrets", secret("cred", k="sk-provider"))
        await kube.put("providers", provider())
        await kube.put("pods", pod("gateway-0", ""))
        await kube.until(lambda: _healthy(kube) == ("True", "Healthy"))
        await operator.settled()
        kube.journal.clear()
        for _ in range(3):
            await kube.put("pods", pod("gateway-0", "", health=DEAD))
            await operator.settled()
            await kube.put("pods", pod("gateway-0", ""))
            await operator.settled()
        assert [path for _, path in kube.writes()] == ["/apis/ostiary.dev/v1alpha1/namespaces/team/providers/fake/status"]
        assert _healthy(kube) == ("False", "BreakerOpen")
        clock.forward(11)
        await operator.settled()
        assert _healthy(kube) == ("True", "Healthy")
        kube.journal.clear()
        await operator.settled()
        assert kube.writes() == []


def _healthy(kube: Kube) -> tuple[str, str]:
    return condition(kube.get("providers", "team", "fake"), "Healthy")
