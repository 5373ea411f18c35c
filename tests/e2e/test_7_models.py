"""Models in the cluster: applied with kubectl, shown by kubectl, and two replicas that tell each other what fails (IT-9)."""

import json
import time
from typing import Any

import pytest
from tests.e2e import objects
from tests.e2e.cluster import bring
from tests.e2e.commands import eventually
from tests.e2e.installation import READY_KEY, REPLICAS, Installation, replica_url

FIRST, SECOND = REPLICAS
ELSEWHERE = {"onStatusCodes": [{"codes": [429, "500-504"], "strategy": "DifferentProvider", "maxAttempts": 2}]}
CHAT = json.dumps({"messages": [{"role": "user", "content": "hello"}]})
_ASK_NGINX = """
import http.client, socket
class Control(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/ostiary/control.sock")
control = Control("control")
control.request("GET", "/health")
print(control.getresponse().read().decode())
"""
_ASK_SIDECAR = """
import sys, urllib.request
request = urllib.request.Request("http://127.0.0.1:8081" + sys.argv[1], method=sys.argv[2])
print(urllib.request.urlopen(request, timeout=10).read().decode())
"""


@pytest.fixture(scope="module")
def sharing(installed: Installation) -> Installation:
    """The release with a Valkey, a second Provider, and a Model for each test."""
    bring(objects.VALKEY_IMAGE)
    installed.kubectl.apply(*objects.valkey())
    installed.kubectl.wait("deployment/valkey", "condition=Available", namespace=objects.VENDOR)
    installed.kubectl.apply(
        objects.provider("spare", credential="vendor"),
        objects.provider("flaky", credential="vendor", breaker={"consecutiveFailures": 3, "openSeconds": 300}),
        objects.model("it-9", "fake/retry-after-60", "spare/echo", retryPolicy=ELSEWHERE, aliases=["IT-Nine"]),
        objects.model("it-9-again", "fake/retry-after-61", "spare/echo", retryPolicy=ELSEWHERE),
        objects.model("shaky", "flaky/status-503", "spare/echo", retryPolicy=ELSEWHERE),
    )
    installed.install(f"settings.valkey_url={objects.VALKEY}")
    installed.all_ready()
    for kind, name in (("provider", "flaky"), ("model", "it-9"), ("model", "it-9-again"), ("model", "shaky")):
        installed.until(kind, name, "Ready", "True", seconds=60)
    return installed


@pytest.fixture
def gateway(sharing: Installation) -> Installation:
    sharing.all_ready()
    sharing.vendor_reset()
    return sharing


def ask(gateway: Installation, model: str, pod: str) -> dict[str, Any]:
    """A chat completion by one replica."""
    body = json.dumps({"model": model, **json.loads(CHAT)})
    headers = {"Content-Type": "application/json"}
    return gateway.ask("/v1/chat/completions", READY_KEY, base=replica_url(pod), method="POST", body=body, headers=headers)


def seen(gateway: Installation) -> list[str]:
    """The models that the vendor was asked for, in their order."""
    return [json.loads(each["body"])["model"] for each in gateway.vendor_log()]


def health(gateway: Installation, pod: str) -> dict[str, Any]:
    """What nginx of one replica holds back."""
    return dict(json.loads(gateway.in_sidecar(pod, "python3", "-c", _ASK_NGINX)))


def breaker(gateway: Installation, pod: str, path: str = "", method: str = "GET") -> dict[str, Any]:
    found = gateway.in_sidecar(pod, "python3", "-c", _ASK_SIDECAR, f"/circuit-breakers{path}", method)
    return dict(json.loads(found))


def columns(gateway: Installation, kind: str, name: str) -> dict[str, str]:
    """A line of `kubectl get`, by the titles of its columns."""
    head, *lines = gateway.kubectl("get", kind, "--namespace", objects.TEAM).splitlines()
    starts = [(title, head.index(title)) for title in head.split()]
    ends = [start for _, start in starts[1:]] + [None]
    (line,) = [line for line in lines if line.startswith(f"{name} ")]
    return {title: line[start:end].strip() for (title, start), end in zip(starts, ends, strict=True)}


def test_a_model_is_served_by_its_name_and_its_alias_and_shown_by_kubectl(gateway) -> None:
    shown = columns(gateway, "models", "shaky")
    assert [shown[title] for title in ("NAME", "MODEL", "BACKENDS", "READY")] == ["shaky", "shaky", "2/2", "True"]
    gateway.kubectl.apply(objects.model("plain-model", "spare/echo", aliases=["Plain-Alias"]))
    gateway.until("model", "plain-model", "Ready", "True")
    for name in ("plain-model", "PLAIN-ALIAS"):
        assert gateway.chat(READY_KEY, name, "by name")["text"] == "by name"
    assert gateway.chat(READY_KEY, "no-such-model", "x")["status"] == 400
    assert "plain-model" in [each["id"] for each in json.loads(gateway.ask("/v1/models", READY_KEY)["body"])["data"]]


def test_of_two_models_with_one_name_the_older_wins(gateway) -> None:
    gateway.kubectl.apply(objects.model("late", "fake/echo", name="it-9"))
    found = gateway.until("model", "late", "Accepted", "False")
    assert found["reason"] == "Conflicted"
    gateway.kubectl("delete", "model", "late", "--namespace", objects.TEAM)


def test_it_9_what_one_replica_has_learnt_the_other_knows(gateway, figures) -> None:
    first = ask(gateway, "it-9", FIRST)
    learnt = time.monotonic()
    assert (first["status"], first["headers"]["x-ostiary-attempts"]) == (200, "2")
    assert seen(gateway) == ["retry-after-60", "echo"]
    eventually(lambda: "m:fake/retry-after-60" in health(gateway, SECOND)["blocks"] or None, "the block there", seconds=10)
    figures.append(f"a block known by the other replica: at most {time.monotonic() - learnt:.1f} s later (kubectl exec included)")
    for pod in (SECOND, FIRST, SECOND):
        reply = ask(gateway, "it-9", pod)
        assert (reply["status"], reply["headers"]["x-ostiary-attempts"]) == (200, "1")
        assert reply["headers"]["x-ostiary-provider"] == "spare"
    assert seen(gateway) == ["retry-after-60", "echo", "echo", "echo", "echo"]


def test_gz_15_a_breaker_is_open_on_both_replicas_and_in_kubectl_and_a_reset_closes_it(gateway) -> None:
    for _ in range(3):
        assert ask(gateway, "shaky", FIRST)["status"] == 200
    assert breaker(gateway, FIRST, "/flaky/status-503")["failure_count"] >= 3
    eventually(lambda: breaker(gateway, SECOND, "/flaky")["state"] == "OPEN" or None, "the breaker there", seconds=10)
    gateway.vendor_reset()
    assert ask(gateway, "shaky", SECOND)["headers"]["x-ostiary-attempts"] == "1"
    assert seen(gateway) == ["echo"]

    found = gateway.until("provider", "flaky", "Healthy", "False", seconds=30)
    assert "flaky/status-503" in found["message"]
    shown = columns(gateway, "providers", "flaky")
    assert shown["UNHEALTHY"] == "flaky/status-503"
    assert shown["SINCE"]
    assert columns(gateway, "providers", "spare")["UNHEALTHY"] == ""

    assert breaker(gateway, SECOND, "/flaky/reset", "POST")["success"] is True
    for pod in REPLICAS:
        eventually(lambda pod=pod: breaker(gateway, pod, "/flaky")["state"] == "CLOSED" or None, "closed again", seconds=10)
    gateway.until("provider", "flaky", "Healthy", "True", seconds=30)
    assert columns(gateway, "providers", "flaky")["UNHEALTHY"] == ""


def test_without_valkey_each_replica_goes_on_alone_and_shares_again_when_it_is_back(gateway) -> None:
    scale = ("scale", "deployment/valkey", "--namespace", objects.VENDOR)
    gateway.kubectl(*scale, "--replicas=0")
    gateway.kubectl("wait", "pod", "--for=delete", "--selector=app=valkey", "--namespace", objects.VENDOR, "--timeout=60s")
    try:
        for pod in REPLICAS:
            assert ask(gateway, "it-9", pod)["status"] == 200
            assert ask(gateway, "spare/echo", pod)["status"] == 200
    finally:
        gateway.kubectl(*scale, "--replicas=1")
        gateway.kubectl.wait("deployment/valkey", "condition=Available", namespace=objects.VENDOR)
    assert ask(gateway, "it-9-again", SECOND)["headers"]["x-ostiary-attempts"] == "2"
    eventually(lambda: "m:fake/retry-after-61" in health(gateway, FIRST)["blocks"] or None, "the block there", seconds=30)
