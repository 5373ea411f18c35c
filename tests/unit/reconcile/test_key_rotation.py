"""Rotation of keys through the whole operator, with a clock that is told the time."""

import json

from tests.support.kube import Kube, running_kube
from tests.support.operator import BUNDLE, Clock, Operator, api_key, pod, running_operator, secret

from ostiary_gateway.contract import allowlist

DAY = 86400
ROTATE = "ostiary.dev/rotate"


def rows_of(kube: Kube) -> dict[str, allowlist.Entry]:
    texts = [text for item in kube.all("configmaps") for name, text in item["data"].items() if name.startswith("allowlist")]
    return {f"{entry.id}#{entry.version}": entry for text in texts for entry in allowlist.read(text)}


def status_of(kube: Kube, name: str) -> dict[str, str]:
    return ((kube.get("apikeys", "team", name) or {}).get("status") or {}).get("rotation") or {}


async def later(operator: Operator, clock: Clock, seconds: float) -> None:
    clock.forward(seconds)
    await operator.settled()


async def test_a_rotated_key_is_accepted_until_the_overlap_ends() -> None:
    clock = Clock()
    async with running_kube() as kube, running_operator(kube, now=clock) as operator:
        await kube.put("apikeys", api_key("app"))
        await kube.until(lambda: status_of(kube, "app").get("version") == "1")
        first = kube.secret_value("team", "app-key", "api-key")
        clock.forward(60)
        await kube.put("apikeys", api_key("app", annotations={ROTATE: "now"}))
        await kube.until(lambda: status_of(kube, "app").get("version") == "2")
        second = kube.secret_value("team", "app-key", "api-key")
        assert second != first
        assert kube.secret_value("team", "app-key", "previous-api-key") == first
        rows = rows_of(kube)
        assert rows["team/app#1"].sha256 == allowlist.hash_key(first)
        assert (rows["team/app#1"].state, rows["team/app#1"].expires) == ("retiring", "2026-11-22T12:01:00Z")
        assert (rows["team/app#2"].sha256, rows["team/app#2"].state) == (allowlist.hash_key(second), "current")
        assert status_of(kube, "app")["retiringVersion"] == "1"
        assert status_of(kube, "app")["observedRotate"] == "now"
        await later(operator, clock, DAY + 1)
        assert list(rows_of(kube)) == ["team/app#2"]
        assert "previous-api-key" not in kube.objects["secrets", "team", "app-key"]["data"]
        assert "retiringUntil" not in status_of(kube, "app")
        assert {event["reason"] for event in kube.all("events")} == {"KeyGenerated", "KeyRotated"}
        assert first not in json.dumps(kube.all("events")) + json.dumps(kube.all("apikeys"))


async def test_the_same_rotate_annotation_rotates_once() -> None:
    clock = Clock()
    async with running_kube() as kube, running_operator(kube, now=clock) as operator:
        await kube.put("apikeys", api_key("app", annotations={ROTATE: "one"}))
        await kube.until(lambda: status_of(kube, "app").get("version") == "1")
        await operator.settled()
        await kube.put("apikeys", api_key("app", annotations={ROTATE: "two"}))
        await kube.until(lambda: status_of(kube, "app").get("version") == "2")
        await later(operator, clock, 3600)
        assert status_of(kube, "app")["version"] == "2"


async def test_an_interval_rotates_by_itself_and_without_overlap_the_old_key_is_gone_at_once() -> None:
    clock = Clock()
    rotation = {"intervalSeconds": 3600, "overlapSeconds": 0}
    async with running_kube() as kube, running_operator(kube, now=clock) as operator:
        await kube.put("apikeys", api_key("app", generate={}, rotation=rotation))
        await kube.until(lambda: status_of(kube, "app").get("version") == "1")
        await operator.settled()
        again = operator.results[-1].again
        assert again is not None
        assert 3599 < again <= 3601
        await later(operator, clock, 3601)
        assert list(rows_of(kube)) == ["team/app#2"]


async def test_a_changed_secret_of_the_user_is_a_rotation_too() -> None:
    clock = Clock()
    async with running_kube() as kube, running_operator(kube, now=clock) as operator:
        await kube.put("secrets", secret("mine", k="sk-first"))
        await kube.put("apikeys", api_key("app", secretRef={"name": "mine", "key": "k"}, rotation={"overlapSeconds": 60}))
        await kube.until(lambda: "team/app#1" in rows_of(kube))
        await operator.settled()
        assert "sk-first" not in json.dumps(kube.get("secrets", "team", "app-key"))
        await kube.put("secrets", secret("mine", k="sk-second"))
        await kube.until(lambda: "team/app#2" in rows_of(kube))
        rows = rows_of(kube)
        assert rows["team/app#2"].sha256 == allowlist.hash_key("sk-second")
        assert (rows["team/app#1"].sha256, rows["team/app#1"].state) == (allowlist.hash_key("sk-first"), "retiring")
        await later(operator, clock, 61)
        assert list(rows_of(kube)) == ["team/app#2"]


async def test_a_lost_key_secret_is_made_again_under_a_new_version() -> None:
    async with running_kube() as kube, running_operator(kube) as operator:
        await kube.put("apikeys", api_key("app"))
        await kube.until(lambda: status_of(kube, "app").get("version") == "1")
        await operator.settled()
        lost = kube.secret_value("team", "app-key", "api-key")
        await kube.remove("secrets", "team", "app-key")
        await kube.until(lambda: status_of(kube, "app").get("version") == "2")
        assert kube.secret_value("team", "app-key", "api-key") != lost
        assert list(rows_of(kube)) == ["team/app#2"]


async def test_the_status_shows_when_the_old_key_was_last_used() -> None:
    clock = Clock()
    async with running_kube() as kube, running_operator(kube, now=clock) as operator:
        await kube.put("apikeys", api_key("app"))
        await kube.until(lambda: status_of(kube, "app").get("version") == "1")
        await kube.put("apikeys", api_key("app", annotations={ROTATE: "now"}))
        await kube.until(lambda: status_of(kube, "app").get("retiringVersion") == "1")
        await kube.put("pods", pod("gateway-0", "x", retiring=json.dumps({"team/app#1": "2026-11-21T12:00:05Z"})))
        await kube.put("pods", pod("gateway-1", "x", retiring=json.dumps({"team/app#1": "2026-11-21T12:00:09Z"})))
        await kube.until(lambda: status_of(kube, "app").get("retiringLastUsed") == "2026-11-21T12:00:09Z")
        await kube.remove("pods", "ostiary", "gateway-1")
        await operator.settled()
        assert status_of(kube, "app")["retiringLastUsed"] == "2026-11-21T12:00:09Z"
        assert kube.get("configmaps", "ostiary", BUNDLE)
