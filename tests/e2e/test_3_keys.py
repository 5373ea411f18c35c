"""Keys: made, used, rotated, revoked; how soon every replica knows; a thousand at once; two that claim one thing."""

import time
from concurrent.futures import ThreadPoolExecutor

from tests.e2e import objects
from tests.e2e.commands import eventually
from tests.e2e.installation import REPLICAS, replica_url

MOST_SECONDS = 1.0
CROWD_SECONDS = 3.0  # while a thousand statuses are written, on two cores
HANDS = 4


def test_a_key_applied_is_accepted_by_every_replica_within_a_second(gateway, figures) -> None:
    with gateway.watching("sk-e2e-applied-1", 200) as watch:
        applied = gateway.kubectl.apply(objects.api_key("applied", key="sk-e2e-applied-1"))
        took = _delays(watch.reached(), applied)
    assert set(watch.before.values()) == {403}
    figures.append(f"key applied -> accepted on each replica: {took}")
    assert max(took) <= MOST_SECONDS


def test_a_key_changed_is_another_key_within_a_second(gateway, figures) -> None:
    gateway.kubectl.apply(objects.api_key("changed", key="sk-e2e-changed-1"))
    gateway.until("apikey", "changed", "Programmed", "True")
    with gateway.watching("sk-e2e-changed-1", 403) as old, gateway.watching("sk-e2e-changed-2", 200) as new:
        applied = gateway.kubectl.apply(objects.api_key("changed", key="sk-e2e-changed-2"))
        refused, accepted = _delays(old.reached(), applied), _delays(new.reached(), applied)
    figures.append(f"key changed -> old refused {refused}, new accepted {accepted}")
    assert max(refused + accepted) <= MOST_SECONDS


def test_a_key_disabled_is_refused_within_a_second(gateway, figures) -> None:
    gateway.kubectl.apply(objects.api_key("disabled", key="sk-e2e-disabled-1"))
    gateway.until("apikey", "disabled", "Programmed", "True")
    with gateway.watching("sk-e2e-disabled-1", 403) as watch:
        applied = gateway.kubectl.apply(objects.api_key("disabled", key="sk-e2e-disabled-1", disabled=True))
        took = _delays(watch.reached(), applied)
    figures.append(f"key disabled -> refused on each replica: {took}")
    assert max(took) <= MOST_SECONDS
    assert gateway.chat("sk-e2e-disabled-1", "fake/echo", "x")["body"]["message"] == "API key disabled"
    assert gateway.until("apikey", "disabled", "Ready", "False")["reason"] == "Disabled"


def test_a_key_deleted_is_refused_within_a_second(gateway, figures) -> None:
    gateway.kubectl.apply(objects.api_key("deleted", key="sk-e2e-deleted-1"))
    gateway.until("apikey", "deleted", "Programmed", "True")
    with gateway.watching("sk-e2e-deleted-1", 403) as watch:
        gateway.kubectl("delete", "apikey", "deleted", "--namespace", objects.TEAM)
        took = _delays(watch.reached(), time.time())
    assert set(watch.before.values()) == {200}
    figures.append(f"key deleted -> refused on each replica: {took}")
    assert max(took) <= MOST_SECONDS


def test_a_generated_key_is_rotated_with_an_overlap_in_which_both_work(gateway, figures) -> None:
    applied = gateway.kubectl.apply(objects.api_key("rotated", rotation={"overlapSeconds": 15}))
    old = gateway.generated_key("rotated")
    figures.append(f"key generated -> its Secret read: {time.time() - applied:.2f} s after kubectl apply")
    gateway.until("apikey", "rotated", "Programmed", "True")
    assert gateway.chat(old, "fake/echo", "x")["status"] == 200

    began = time.time()
    gateway.kubectl("annotate", "apikey", "rotated", "ostiary.dev/rotate=now", "--namespace", objects.TEAM)
    new = eventually(lambda: _other(gateway, old), "another key", seconds=10)
    with gateway.watching(new, 200) as watch:
        took = _delays(watch.reached(), began)
    figures.append(f"key rotated -> the new one accepted on each replica: {took} (reading the Secret included)")
    assert gateway.chat(old, "fake/echo", "x")["status"] == 200

    status = eventually(lambda: _status(gateway, "retiringLastUsed"), "when the old key was last used", seconds=14)
    assert status["version"] != status["retiringVersion"]
    with gateway.watching(old, 403) as watch:
        ended = max(watch.reached().values()) - began
    figures.append(f"overlap of 15 s: the old key was refused everywhere after {ended:.1f} s")
    assert 14 <= ended <= 18
    eventually(lambda: _status(gateway, "version", without="retiringVersion"), "the end of the rotation", seconds=20)
    told = gateway.kubectl("get", "apikey,events", "--output", "yaml", "--namespace", objects.TEAM)
    logs = gateway.kubectl("logs", "deployment/ostiary-operator", "--namespace", objects.SYSTEM)
    for key in (old, new):
        assert key not in told
        assert key not in logs


def test_the_key_of_somebodys_own_secret_follows_the_secret(gateway) -> None:
    gateway.kubectl.apply(
        objects.secret("own", token="sk-e2e-own-1"),
        objects.api_key("own", secretRef={"name": "own", "key": "token"}, rotation={"overlapSeconds": 0}),
    )
    gateway.until("apikey", "own", "Programmed", "True")
    assert gateway.chat("sk-e2e-own-1", "fake/echo", "x")["status"] == 200
    with gateway.watching("sk-e2e-own-2", 200) as new:
        gateway.kubectl.apply(objects.secret("own", token="sk-e2e-own-2"))
        new.reached()
    with gateway.watching("sk-e2e-own-1", 403) as old:
        old.reached()


def test_a_thousand_keys_at_once_are_a_few_bundles(gateway, figures) -> None:
    keys = [objects.api_key(f"many-{n:04d}", key=f"sk-e2e-many-{n:04d}", namespace=objects.CROWD) for n in range(1000)]
    before = _bundles(gateway)
    with gateway.watching("sk-e2e-many-0999", 200, seconds=120) as watch, ThreadPoolExecutor(HANDS) as hands:
        began = time.time()
        applied = max(hands.map(lambda hand: gateway.kubectl.apply(*keys[hand::HANDS]), range(HANDS)))
        took = _delays(watch.reached(), applied)
    eventually(lambda: _programmed(gateway) == len(keys), "a thousand keys in force", seconds=120)
    told = time.time() - applied
    made = _bundles(gateway) - before
    figures.append(
        f"1,000 keys: applied in {applied - began:.1f} s by {HANDS} kubectl at once; {made} bundles; "
        f"the last key accepted {took} after it, all statuses after {told:.1f} s"
    )
    for pod in REPLICAS:
        asks = [gateway.ask("/plain/echo", f"sk-e2e-many-{n:04d}", base=replica_url(pod)) for n in (0, 500, 998)]
        assert [answer["status"] for answer in asks] == [200, 200, 200]
    with gateway.watching("sk-e2e-many-0999", 403) as watch:
        gateway.kubectl("delete", "--raw", f"/apis/{objects.API}/namespaces/{objects.CROWD}/apikeys")
        deleted = time.time()
        figures.append(f"1,000 keys deleted: the last one refused {_delays(watch.reached(), deleted)} after it")
    assert max(took) <= CROWD_SECONDS
    assert made <= 10 + 4 * (applied - began), "bundles follow the time that the keys took to arrive, not their number"


def test_of_two_that_claim_one_key_the_older_wins(gateway) -> None:
    gateway.kubectl.apply(objects.api_key("older", key="sk-e2e-shared-1", models=["fake/*"]))
    gateway.until("apikey", "older", "Programmed", "True")
    _next_second()
    gateway.kubectl.apply(objects.api_key("newer", key="sk-e2e-shared-1", disabled=True))
    found = gateway.until("apikey", "newer", "Accepted", "False")
    assert found["reason"] == "Conflicted"
    assert "older" in found["message"]
    assert gateway.chat("sk-e2e-shared-1", "fake/echo", "x")["status"] == 200
    gateway.kubectl("delete", "apikey", "newer", "older", "--namespace", objects.TEAM)


def _delays(reached: dict[str, float], since: float) -> list[float]:
    """Seconds for each replica; a change may be in force before kubectl has returned."""
    return [round(max(0.0, at - since), 3) for at in reached.values()]


def _other(gateway, old: str) -> str | None:
    found = gateway.generated_key("rotated")
    return found if found != old else None


def _status(gateway, field: str, *, without: str = "") -> dict | None:
    rotation = gateway.kubectl.get("apikey", "rotated", namespace=objects.TEAM)["status"].get("rotation", {})
    return rotation if rotation.get(field) and not rotation.get(without) else None


def _bundles(gateway) -> int:
    """How many bundles the operator says that it wrote."""
    logs = gateway.kubectl("logs", "deployment/ostiary-operator", "--namespace", objects.SYSTEM)
    return sum(1 for line in logs.splitlines() if " written, " in line)


def _programmed(gateway) -> int:
    """How many keys of the crowd are in force on every replica."""
    path = "{range .items[*]}{.status.conditions[?(@.type=='Programmed')].status}{'\\n'}{end}"
    told = gateway.kubectl("get", "apikeys", "--namespace", objects.CROWD, "--output", f"jsonpath={path}")
    return told.split().count("True")


def _next_second() -> None:
    """Objects are made in whole seconds: the next one is younger for certain."""
    eventually(lambda: time.time() % 1 < 0.2 or None, "the next second", seconds=2, pause=0.05)
