"""Parts that die, in the cluster: what a client sees, and what the ledger says afterwards."""

import json
import time
from collections import Counter

import pytest
from tests.e2e import objects
from tests.e2e.cluster import NODE
from tests.e2e.commands import CommandError, eventually, run
from tests.e2e.installation import BASE, READY_KEY, REPLICAS, replica_url

POD = REPLICAS[0]
SIDECAR = "ostiary_gateway sidecar"


@pytest.fixture
def frozen(gateway):
    """One replica whose sidecar answers nobody; `red` has been decided there before, `unseen` is listed but has not."""
    gateway.kubectl.apply(objects.api_key("unseen", key="sk-e2e-unseen-1"))
    gateway.until("apikey", "unseen", "Programmed", "True")
    assert gateway.ask("/plain/echo", READY_KEY, base=replica_url(POD))["status"] == 200
    gateway.signal(POD, SIDECAR, "STOP")
    yield gateway
    gateway.signal(POD, SIDECAR, "CONT")
    gateway.all_ready()


def test_lm_11_with_the_sidecar_away_only_keys_it_has_vouched_for_pass(frozen) -> None:
    known = frozen.ask("/plain/echo", READY_KEY, base=replica_url(POD))
    unknown = frozen.ask("/plain/echo", "sk-e2e-unseen-1", base=replica_url(POD))
    assert known["status"] == 200
    assert unknown["status"] == 403
    assert json.loads(unknown["body"])["message"] == "API key not authorized"


def test_lm_12_a_sidecar_killed_mid_stream_costs_the_client_nothing_and_the_ledger_no_line(gateway) -> None:
    before = {record["id"] for record in gateway.records()}
    restarts = gateway.restarts(POD, "sidecar")
    url = f"{replica_url(POD)}/v1"
    stream = gateway.client_process("python3", "chat.py", url, READY_KEY, "fake/slow-150x20", "hello", "stream")
    eventually(lambda: gateway.vendor_log() or None, "the request at the vendor", seconds=10, pause=0.05)
    gateway.signal(POD, SIDECAR, "KILL")
    answer = json.loads(stream.communicate(timeout=60)[0])
    assert answer["status"] == 200
    assert len(answer["times"]) >= 20

    eventually(lambda: gateway.restarts(POD, "sidecar") > restarts, "another sidecar", seconds=60)
    gateway.all_ready()
    assert gateway.ask("/plain/echo", "sk-e2e-unseen-1", base=replica_url(POD))["status"] == 200
    (record,) = eventually(
        lambda: [each for each in gateway.records(requested_model="fake/slow-150x20") if each["id"] not in before],
        "the record of the stream",
    )
    assert record["ended"] == "completed"
    _nothing_twice(gateway)


def test_an_operator_killed_loses_nothing_and_rewrites_nothing(gateway) -> None:
    head = gateway.kubectl.get("configmap", "ostiary-bundle", namespace=objects.SYSTEM)["metadata"]["resourceVersion"]
    status = gateway.kubectl.get("apikey", "red", namespace=objects.TEAM)["metadata"]["resourceVersion"]
    gateway.kubectl("delete", "pod", "--selector", "app.kubernetes.io/component=operator", "--namespace", objects.SYSTEM,
                    "--grace-period=0", "--force")  # fmt: skip
    assert gateway.chat(READY_KEY, "fake/echo", "nobody rules")["status"] == 200
    gateway.kubectl("rollout", "status", "deployment/ostiary-operator", "--namespace", objects.SYSTEM, "--timeout=60s")
    eventually(lambda: "writes from now on" in _operator_log(gateway), "a leader", seconds=60)
    after = gateway.kubectl.get("configmap", "ostiary-bundle", namespace=objects.SYSTEM)["metadata"]["resourceVersion"]
    assert after == head
    assert gateway.kubectl.get("apikey", "red", namespace=objects.TEAM)["metadata"]["resourceVersion"] == status

    gateway.kubectl.apply(objects.api_key("afterwards", key="sk-e2e-afterwards-1"))
    gateway.until("apikey", "afterwards", "Programmed", "True", seconds=60)
    assert gateway.chat("sk-e2e-afterwards-1", "fake/echo", "x")["status"] == 200


def test_a_rollout_under_load_fails_no_request_and_each_has_its_record(gateway, figures) -> None:
    gateway.kubectl.apply(objects.api_key("loaded", key="sk-e2e-loaded-1"))
    gateway.until("apikey", "loaded", "Programmed", "True")
    before = len(gateway.records(key_name="loaded"))
    load = gateway.client_process("python3", "load.py", f"{BASE}/v1", "sk-e2e-loaded-1")
    assert load.stdout
    assert load.stdout.readline() == "started\n"
    began = time.monotonic()
    gateway.kubectl("rollout", "restart", "statefulset/ostiary-gateway", "--namespace", objects.SYSTEM)
    gateway.kubectl(
        "rollout", "status", "statefulset/ostiary-gateway", "--namespace", objects.SYSTEM, "--timeout=240s", seconds=250
    )
    took = time.monotonic() - began
    told = json.loads(load.communicate("", timeout=60)[0])
    figures.append(f"rollout of both replicas in {took:.0f} s under load: {told['requests']} requests, failed: {told['failed']}")
    assert told["failed"] == {}
    assert told["requests"] > 100
    gateway.all_ready()
    wanted = before + told["requests"]
    eventually(lambda: len(gateway.records(key_name="loaded")) >= wanted, "a record for each request", seconds=30)
    assert len(gateway.records(key_name="loaded", status=200, ended="completed")) == wanted
    _nothing_twice(gateway)


def test_without_the_api_server_requests_go_on_and_nothing_is_rewritten_when_it_is_back(gateway) -> None:
    address = gateway.pod(POD)["status"]["podIP"]
    assert _from_the_node(gateway, address) == 200
    before = _versions(gateway)
    manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    gateway.cluster.node(f"mv {manifest} /root/")
    try:
        eventually(lambda: _api_server_is_away(gateway), "the end of the API server", seconds=60)
        assert _from_the_node(gateway, address) == 200
        gateway.signal(POD, SIDECAR, "KILL")
        eventually(lambda: _from_the_node(gateway, address, "sk-e2e-afterwards-1") == 200, "a new sidecar", seconds=60)
    finally:
        gateway.cluster.node(f"mv /root/kube-apiserver.yaml {manifest}")
    eventually(lambda: not _api_server_is_away(gateway), "the API server", seconds=120)
    gateway.all_ready()
    gateway.kubectl.apply(objects.api_key("returned", key="sk-e2e-returned-1"))
    gateway.until("apikey", "returned", "Programmed", "True", seconds=90)
    assert gateway.chat("sk-e2e-returned-1", "fake/echo", "x")["status"] == 200
    after = _versions(gateway)
    unused = before.keys() - {"ApiKey/red", "ApiKey/afterwards"}  # of these two the statement tells what they used
    assert {name: after[name] for name in unused} == {name: before[name] for name in unused}


def test_a_volume_is_kept_through_the_deletion_of_its_pod(gateway) -> None:
    claim = gateway.kubectl.get("pvc", f"data-{POD}", namespace=objects.SYSTEM)["spec"]["volumeName"]
    assert gateway.ask("/plain/echo", READY_KEY, base=replica_url(POD))["status"] == 200
    eventually(lambda: gateway.records(key_name="red") or None, "the record")
    before = {record["id"] for record in gateway.records()}
    uid = gateway.pod(POD)["metadata"]["uid"]
    gateway.kubectl("delete", "pod", POD, "--namespace", objects.SYSTEM)
    eventually(lambda: gateway.pod(POD)["metadata"]["uid"] != uid, "another pod")
    gateway.all_ready()
    assert gateway.kubectl.get("pvc", f"data-{POD}", namespace=objects.SYSTEM)["spec"]["volumeName"] == claim
    assert before <= {record["id"] for record in gateway.records()}
    assert gateway.ask("/plain/echo", READY_KEY, base=replica_url(POD))["status"] == 200


def _nothing_twice(gateway) -> None:
    counted = Counter(record["id"] for record in gateway.records())
    assert [identity for identity, times in counted.items() if times > 1] == []


def _from_the_node(gateway, address: str, key: str = READY_KEY) -> int:
    """Status of a request that needs no API server to be sent."""
    script = (
        'exec 3<>"/dev/tcp/$1/8080" && printf "GET /plain/echo HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer $2\\r\\n'
        'Connection: close\\r\\n\\r\\n" >&3 && head -n 1 <&3'
    )
    return int(run("docker", "exec", NODE, "bash", "-c", script, "bash", address, key).split()[1])


def _api_server_is_away(gateway) -> bool:
    try:
        gateway.kubectl("get", "--raw", "/readyz", "--request-timeout=2s")
    except CommandError:
        return True
    return False


def _versions(gateway) -> dict[str, str]:
    """What nobody has touched keeps its resourceVersion."""
    mine = gateway.kubectl.get("apikeys,providers,secrets", namespace=objects.TEAM)["items"]
    return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"] for each in mine}


def _operator_log(gateway) -> str:
    return gateway.kubectl("logs", "deployment/ostiary-operator", "--namespace", objects.SYSTEM)
