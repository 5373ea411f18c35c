"""The admin API in the cluster: what it writes are custom resources, and Kubernetes may say who uses it (TP-24)."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from tests.e2e import objects
from tests.e2e.commands import eventually
from tests.e2e.installation import REPLICAS, Installation, replica_url

FIRST, SECOND = REPLICAS
READER = "admin-reader"  # a ServiceAccount that is bound to the viewers' ClusterRole
_ASK = """
import http.client, json, sys
method, path, token, body, match = json.load(sys.stdin)
token = token or open("/run/secrets/ostiary/admin-token").read().strip()
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json", **({"If-Match": match} if match else {})}
connection = http.client.HTTPConnection("127.0.0.1", 8083, timeout=20)
connection.request(method, "/admin" + path, None if body is None else json.dumps(body), headers)
answer = connection.getresponse()
print(json.dumps([answer.status, answer.getheader("ETag") or "", json.loads(answer.read() or b"null")]))
"""


class Reply(NamedTuple):
    status: int
    etag: str
    json: Any


@pytest.fixture(scope="module")
def gateway(installed: Installation) -> Iterator[Installation]:
    """The release that asks Kubernetes about tokens; one account may read."""
    installed.install("admin.tokenReview=true")
    installed.all_ready()
    installed.kubectl.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": READER, "namespace": objects.TEAM}}
    )
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ostiary-ostiary-admin-viewer"}
    subject = {"kind": "ServiceAccount", "name": READER, "namespace": objects.TEAM}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": READER}}
    installed.kubectl.apply(binding | {"roleRef": role, "subjects": [subject]})
    yield installed
    installed.kubectl("delete", "clusterrolebinding", READER)


def ask(gateway: Installation, method: str, path: str, body: Any = None, *, token: str = "", match: str = "") -> Reply:
    command = ("exec", "--stdin", "--namespace", objects.SYSTEM, FIRST, "--container", "sidecar", "--", "python3", "-c", _ASK)
    return Reply(*json.loads(gateway.kubectl(*command, text=json.dumps([method, path, token, body, match]))))


def statuses(gateway: Installation, key: str) -> set[int]:
    return {gateway.ask("/plain/echo", key, base=replica_url(pod))["status"] for pod in REPLICAS}


def test_tp_24_a_key_of_the_api_is_a_custom_resource_and_works(gateway: Installation) -> None:
    made = ask(gateway, "POST", "/keys", {"name": "by-api", "namespace": objects.TEAM, "spec": {"owner": "Ann"}})
    assert made.status == 201, made
    assert made.json["spec"] == gateway.kubectl.get("apikey", "by-api", namespace=objects.TEAM)["spec"]
    key = made.json["key"]
    gateway.until("apikey", "by-api", "Programmed", "True")
    eventually(lambda: statuses(gateway, key) == {200}, "both replicas take the key", seconds=10)
    shown = ask(gateway, "GET", f"/keys/{objects.TEAM}/by-api").json
    assert shown["status"]["keyId"] == shown["id"] == f"{objects.TEAM}/by-api"
    assert ask(gateway, "DELETE", f"/keys/{objects.TEAM}/by-api").json["spec"]["disabled"] is True
    eventually(lambda: statuses(gateway, key) == {403}, "both replicas refuse the key", seconds=10)
    gateway.kubectl("delete", "apikey", "by-api", "--namespace", objects.TEAM)


def test_tp_24_a_generated_key_is_rotated_by_the_operator(gateway: Installation) -> None:
    made = ask(gateway, "POST", "/keys", {"name": "turned", "namespace": objects.TEAM, "spec": {"generate": {}}})
    assert (made.status, "key" in made.json) == (201, False)
    old = gateway.generated_key("turned")
    turned = ask(gateway, "POST", f"/keys/{objects.TEAM}/turned/regenerate")
    assert (turned.status, turned.json["overlap_seconds"]) == (200, 86400)
    new = eventually(lambda: found if (found := gateway.generated_key("turned")) != old else None, "a new value", seconds=20)
    eventually(lambda: statuses(gateway, new) | statuses(gateway, old) == {200}, "both values count", seconds=10)
    gateway.kubectl("delete", "apikey", "turned", "--namespace", objects.TEAM)


def test_what_the_api_server_says_no_to_is_told(gateway: Installation) -> None:
    spec = {"type": "openai", "baseURL": objects.FAKE}
    body = {"name": "two..dots", "namespace": objects.TEAM, "spec": spec | {"prefix": "p"}}
    refused = ask(gateway, "POST", "/providers", body)
    assert (refused.status, "RFC 1123" in refused.json["error"]["message"]) == (422, True)
    nowhere = ask(gateway, "POST", "/providers", {"name": "wrong", "namespace": "nowhere", "spec": spec})
    assert (nowhere.status, "nowhere" in nowhere.json["error"]["message"]) == (422, True)


def test_nobody_overwrites_or_deletes_what_kubectl_has_changed(gateway: Installation) -> None:
    spec = {"type": "openai", "baseURL": objects.FAKE}
    made = ask(gateway, "POST", "/providers", {"name": "shared", "namespace": objects.TEAM, "spec": spec})
    gateway.kubectl.apply(objects.provider("shared", prefix="other"))
    path = f"/providers/{objects.TEAM}/shared"
    assert ask(gateway, "PUT", path, {"spec": spec}, match=made.etag).status == 412
    assert ask(gateway, "DELETE", path, match=made.etag).status == 412

    def deleted() -> bool:
        return ask(gateway, "DELETE", path, match=ask(gateway, "GET", path).etag).status == 204

    eventually(deleted, "the operator leaves its status alone for a moment", seconds=20)
    assert ask(gateway, "GET", path).status == 404


def test_tp_24_kubernetes_says_who_may(gateway: Installation) -> None:
    token = gateway.kubectl("create", "token", READER, "--namespace", objects.TEAM).strip()
    assert ask(gateway, "GET", "/keys", token=token).status == 200
    refused = ask(gateway, "POST", "/keys", {"name": "no"}, token=token)
    assert (refused.status, READER in refused.json["error"]["message"]) == (403, True)
    other = gateway.kubectl("create", "token", "default", "--namespace", objects.TEAM).strip()
    assert ask(gateway, "GET", "/keys", token=other).status == 403
    assert ask(gateway, "GET", "/keys", token="nonsense").status == 401
