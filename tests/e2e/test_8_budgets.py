"""Limits and budgets in the cluster: hit by callers, shown by kubectl, held by two replicas together through Valkey."""

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.e2e import objects
from tests.e2e.cluster import bring
from tests.e2e.commands import eventually
from tests.e2e.installation import READY_KEY, REPLICAS, Installation, replica_url

FIRST, SECOND = REPLICAS
OLDEST_SECONDS = 10.0  # a status is never older
IDLE_SECONDS = 20
PER_CALL = Decimal("0.003")  # of the Model `priced`, beside tokens that cost next to nothing
PRICE = {"inputPerMillionTokens": "1", "outputPerMillionTokens": "2", "perRequest": str(PER_CALL)}
KINDS = "apikeys,budgets,models,providers"
_ASK_ADMIN = """
import http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", 8083, timeout=10)
token = open("/run/secrets/ostiary/" + sys.argv[2]).read().strip() if sys.argv[2] else "nonsense"
connection.request("GET", sys.argv[1], headers={"Authorization": "Bearer " + token})
answer = connection.getresponse()
print(json.dumps([answer.status, answer.read().decode()]))
"""


@pytest.fixture(scope="module")
def tokens(installed: Installation) -> dict[str, str]:
    """The admin API's, as the first install made them."""
    return dict(installed.kubectl.get("secret", "ostiary-admin", namespace=objects.SYSTEM)["data"])


@pytest.fixture(scope="module")
def counting(installed: Installation, tokens: dict[str, str]) -> Iterator[Installation]:
    """The release with a Valkey and a Model that costs something; an upgrade after `tokens`."""
    assert tokens
    bring(objects.VALKEY_IMAGE)
    installed.kubectl.apply(*objects.valkey())
    installed.kubectl.wait("deployment/valkey", "condition=Available", namespace=objects.VENDOR)
    installed.kubectl.apply(objects.model("priced", "fake/echo", price=PRICE, limits={"maxOutputTokens": 100}))
    installed.install(f"settings.valkey_url={objects.VALKEY}")
    installed.all_ready()
    installed.until("model", "priced", "Ready", "True", seconds=60)
    yield installed
    installed.kubectl("delete", "budgets", "--all", "--namespace", objects.TEAM)


@pytest.fixture
def gateway(counting: Installation) -> Installation:
    counting.all_ready()
    return counting


def made(gateway: Installation, name: str, labels: dict[str, str] | None = None, **spec: Any) -> str:
    """An ApiKey in force; its key."""
    key = f"sk-e2e-{name}-{time.time_ns()}"
    item = objects.api_key(name, key=key, **spec)
    gateway.kubectl.apply(item | {"metadata": item["metadata"] | {"labels": labels or {}}})
    gateway.until("apikey", name, "Programmed", "True")
    return key


def call(gateway: Installation, key: str, pod: str = "", model: str = "priced") -> dict[str, Any]:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]})
    place = {"base": replica_url(pod)} if pod else {}
    answer = gateway.ask(
        "/v1/chat/completions", key, method="POST", body=body, headers={"Content-Type": "application/json"}, **place
    )
    return answer | {"error": json.loads(answer["body"]).get("error", {})}


def columns(gateway: Installation, kind: str, name: str) -> dict[str, str]:
    """A line of `kubectl get`, by the titles of its columns."""
    head, *lines = gateway.kubectl("get", kind, "--namespace", objects.TEAM).replace("LAST USED", "LAST_USED").splitlines()
    starts = [(title, head.index(title)) for title in head.split()]
    ends = [start for _, start in starts[1:]] + [None]
    (line,) = [line for line in lines if line.startswith(f"{name} ")]
    return {title: line[start:end].strip() for (title, start), end in zip(starts, ends, strict=True)}


def usage(gateway: Installation, name: str) -> dict[str, Any]:
    return dict(gateway.kubectl.get("apikey", name, namespace=objects.TEAM)["status"].get("usage") or {})


def events(gateway: Installation, name: str) -> list[str]:
    found = gateway.kubectl.get("events", namespace=objects.TEAM)["items"]
    return [each["reason"] for each in found if each["involvedObject"]["name"] == name]


def versions(gateway: Installation) -> dict[str, str]:
    """Every object of ours in the cluster -> its resourceVersion."""
    found = json.loads(gateway.kubectl("get", KINDS, "--all-namespaces", "--output", "json"))["items"]
    return {
        f"{each['kind']}/{each['metadata']['namespace']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"]
        for each in found
    }


def spend_all(gateway: Installation, key: str, pods: tuple[str, ...]) -> tuple[int, dict[str, Any]]:
    """Call in turn until a budget refuses: how many calls went through, and the refusal."""
    for number in range(20):
        answer = call(gateway, key, pods[number % len(pods)])
        if answer["status"] == 402:
            return number, answer
        assert answer["status"] == 200, answer
    raise AssertionError("no budget refused anything")


def test_tp_09_a_budget_is_spent_on_both_replicas_together_and_kubectl_shows_the_account(gateway, figures) -> None:
    key = made(gateway, "spender", budget={"amount": "0.01"})
    passed, refusal = spend_all(gateway, key, REPLICAS)
    ended = time.monotonic()
    assert passed == 3
    assert (refusal["error"]["type"], refusal["error"]["code"]) == ("insufficient_quota", 402)
    assert "monthly budget exceeded" in refusal["error"]["message"]
    assert refusal["headers"]["x-should-retry"] == "false"
    assert "retry-after" not in refusal["headers"]
    eventually(lambda: usage(gateway, "spender").get("requestsToday") == 3 or None, "the account")
    took = time.monotonic() - ended
    found = usage(gateway, "spender")
    figures.append(f"last call -> spent and remaining in kubectl get apikeys: {took:.1f} s")
    assert took <= OLDEST_SECONDS
    spent, remaining = Decimal(found["spent"]), Decimal(found["remaining"])
    charged = sum(Decimal(record["charged"]) for record in gateway.records(key_name="spender"))
    assert spent == charged.quantize(Decimal("0.000001"))
    assert 3 * PER_CALL <= spent <= Decimal("0.01")
    assert spent + remaining == Decimal("0.01")
    shown = columns(gateway, "apikeys", "spender")
    assert [shown[title] for title in ("SPENT", "BUDGET", "REMAINING", "TODAY")] == [
        found["spent"],
        "0.01",
        found["remaining"],
        "3",
    ]
    assert shown["LAST_USED"].endswith("s")
    eventually(lambda: "BudgetThresholdReached" in events(gateway, "spender") or None, "an Event", seconds=10)


def test_a_budget_of_several_keys_is_shown_by_kubectl_and_tells_its_thresholds(gateway) -> None:
    selector = {"matchLabels": {"plan": "trial"}}
    budget = {"apiVersion": objects.API, "kind": "Budget", "metadata": {"name": "trial", "namespace": objects.TEAM}}
    gateway.kubectl.apply(
        budget | {"spec": {"amount": "0.01", "period": "Daily", "timeZone": "Europe/Berlin", "selector": selector}}
    )
    gateway.until("budget", "trial", "Programmed", "True")
    one, two = (made(gateway, name, {"plan": "trial"}) for name in ("trial-one", "trial-two"))
    for key, pod in ((one, FIRST), (two, SECOND), (one, SECOND)):
        assert call(gateway, key, pod)["status"] == 200
    refused = [call(gateway, key, pod) for key in (one, two) for pod in REPLICAS]
    assert [each["status"] for each in refused] == [402, 402, 402, 402]
    assert "daily budget exceeded" in refused[0]["error"]["message"]
    assert call(gateway, READY_KEY)["status"] == 200

    gateway.until("budget", "trial", "ThresholdReached", "True", seconds=OLDEST_SECONDS)
    eventually(
        lambda: columns(gateway, "budgets", "trial")["PERCENT"].startswith("9") or None, "the statement", seconds=OLDEST_SECONDS
    )
    shown = columns(gateway, "budgets", "trial")
    assert [shown[title] for title in ("LIMIT", "UNIT", "KEYS", "READY")] == ["0.01", "USD", "2", "True"]
    assert shown["PERIOD"].startswith("daily 20")
    assert Decimal(shown["SPENT"]) + Decimal(shown["REMAINING"]) == Decimal("0.01")
    eventually(lambda: "BudgetThresholdReached" in events(gateway, "trial") or None, "an Event", seconds=10)
    condition = gateway.until("budget", "trial", "LimitsShared", "True")
    assert condition["reason"] == "Shared"
    assert condition["message"]

    gateway.kubectl("delete", "budget", "trial", "--namespace", objects.TEAM)
    eventually(lambda: call(gateway, one)["status"] == 200 or None, "a key without its budget", seconds=10)


def test_a_larger_budget_lets_a_key_go_on_within_a_second(gateway, figures) -> None:
    key = made(gateway, "raised", budget={"amount": "0.004"})
    assert spend_all(gateway, key, (FIRST,))[0] == 1
    item = objects.api_key("raised", key=key, budget={"amount": "1"})
    applied = gateway.kubectl.apply(item)
    eventually(lambda: call(gateway, key, FIRST)["status"] == 200 or None, "the larger budget", seconds=10, pause=0.05)
    figures.append(f"budget raised -> accepted again: at most {time.time() - applied:.1f} s (kubectl exec included)")


def test_limits_hold_over_two_replicas_together(gateway, figures) -> None:
    key = made(gateway, "limited", limits={"requests": {"perHour": 40}})
    urls = [replica_url(pod) for pod in REPLICAS]
    statuses = json.loads(gateway.in_client("python3", "burst.py", key, "fake/echo", "80", *urls))
    figures.append(f"limit of 40 requests an hour, 160 calls at once to two replicas: {statuses}")
    assert statuses == {"200": 40, "429": 120}
    refusal = call(gateway, key, FIRST, "fake/echo")
    assert refusal["status"] == 429
    assert int(refusal["headers"]["retry-after"]) >= 1
    assert refusal["headers"]["x-ratelimit-remaining"] == "0"


def test_without_valkey_limits_hold_all_the_same_and_a_condition_says_so(gateway) -> None:
    key = made(gateway, "alone", limits={"requests": {"perHour": 1000}})
    gateway.until("apikey", "alone", "LimitsShared", "True", seconds=OLDEST_SECONDS)
    scale = ("scale", "deployment/valkey", "--namespace", objects.VENDOR)
    gateway.kubectl(*scale, "--replicas=0")
    gateway.kubectl("wait", "pod", "--for=delete", "--selector=app=valkey", "--namespace", objects.VENDOR, "--timeout=60s")
    try:
        found = gateway.until("apikey", "alone", "LimitsShared", "False", seconds=30)
        assert found["reason"] == "SharingInterrupted"
        for pod in REPLICAS:
            assert call(gateway, key, pod, "fake/echo")["status"] == 200
            assert call(gateway, READY_KEY, pod, "fake/echo")["status"] == 200
    finally:
        gateway.kubectl(*scale, "--replicas=1")
        gateway.kubectl.wait("deployment/valkey", "condition=Available", namespace=objects.VENDOR)
    gateway.until("apikey", "alone", "LimitsShared", "True", seconds=60)


def test_what_was_spent_stays_spent_while_a_replica_is_away(gateway) -> None:
    key = made(gateway, "steady", budget={"amount": "1"})
    for pod in (FIRST, SECOND):
        assert call(gateway, key, pod)["status"] == 200
    eventually(lambda: usage(gateway, "steady").get("requestsToday") == 2 or None, "both calls", seconds=OLDEST_SECONDS)
    before = Decimal(usage(gateway, "steady")["spent"])
    gateway.kubectl("delete", "pod", FIRST, "--namespace", objects.SYSTEM, "--wait=false")
    seen: list[Decimal] = []

    def back() -> bool:
        seen.append(Decimal(usage(gateway, "steady")["spent"]))
        conditions = gateway.pod(FIRST)["status"].get("conditions", ())
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        return ready and "deletionTimestamp" not in gateway.pod(FIRST)["metadata"]

    eventually(back, "the replica back", seconds=120, pause=0.5)
    assert call(gateway, key, FIRST)["status"] == 200
    eventually(lambda: usage(gateway, "steady").get("requestsToday") == 3 or None, "the third call", seconds=OLDEST_SECONDS)
    assert min(seen) == before


def test_an_upgrade_keeps_the_tokens(gateway, tokens) -> None:
    assert gateway.kubectl.get("secret", "ostiary-admin", namespace=objects.SYSTEM)["data"] == tokens


def test_the_admin_port_wants_a_token_and_each_token_has_its_place(gateway) -> None:
    def asked(token: str, path: str = "/admin/statement?after=") -> tuple[int, str]:
        status, body = json.loads(gateway.in_sidecar(FIRST, "python3", "-c", _ASK_ADMIN, path, token))
        return status, body

    assert asked("")[0] == 401
    assert asked("viewer-token")[0] == 200
    status, body = asked("admin-token", "/admin/keys?page_size=100")
    assert status == 200
    assert "spender" in body
    assert "sk-e2e-" not in body


def test_an_idle_cluster_writes_nothing(gateway, figures) -> None:
    def quiet() -> bool:
        first = versions(gateway)
        time.sleep(6)  # more than a statement apart
        return versions(gateway) == first

    eventually(quiet, "a quiet cluster", seconds=60)
    before = versions(gateway)
    time.sleep(IDLE_SECONDS)  # nothing must happen in this time
    after = versions(gateway)
    written = sum(before[name] != after[name] for name in before)
    figures.append(f"objects written in {IDLE_SECONDS} s of an idle cluster: {written} of {len(before)}")
    assert after == before
