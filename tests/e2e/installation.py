"""Ostiary installed in the cluster, as seen by a user, by the vendor, and by whoever runs it."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import Popen
from typing import Any

from tests.e2e import objects
from tests.e2e.cluster import Cluster, chart
from tests.e2e.commands import Kubectl, eventually, run

BASE = f"http://ostiary.{objects.SYSTEM}.svc"
REPLICAS = ("ostiary-gateway-0", "ostiary-gateway-1")
READY_KEY = "sk-e2e-red-000000"  # of the ApiKey `red`, which every test may use
Object = dict[str, Any]


def replica_url(pod: str) -> str:
    return f"http://{pod}.ostiary-replicas.{objects.SYSTEM}.svc:8080"


@dataclass(frozen=True)
class Installation:
    cluster: Cluster

    @property
    def kubectl(self) -> Kubectl:
        return self.cluster.kubectl

    def helm(self, *arguments: str, seconds: float = 300) -> str:
        return run("helm", *arguments, "--namespace", objects.SYSTEM, seconds=seconds, environment=self.kubectl.environment)

    def install(self, *sets: str) -> None:
        """`helm upgrade --install` with what suits a small machine; waits until all pods are ready."""
        values = [
            f"image.tag={self.cluster.tags['gateway']}",
            f"operator.image.tag={self.cluster.tags['operator']}",
            "settings.shutdown_seconds=20",
            "terminationGracePeriodSeconds=60",
            "resources.requests.cpu=50m",
            "sidecar.resources.requests.cpu=50m",
            "persistence.size=1Gi",
            *sets,
        ]
        flags = [part for value in values for part in ("--set", value)]
        self.helm("upgrade", "--install", "ostiary", chart(), "--wait", "--timeout", "240s", *flags)

    # --- the user ---------------------------------------------------------------------------------------------------

    def in_client(self, *command: str, text: str = "", seconds: float = 120) -> str:
        return self.kubectl("exec", "--namespace", objects.TEAM, "--stdin", "client", "--", *command, text=text, seconds=seconds)

    def chat(self, key: str, model: str, text: str, *, base: str = BASE, stream: bool = False) -> Object:
        """One chat completion with the official SDK."""
        extra = ["stream"] if stream else []
        return json.loads(self.in_client("python3", "chat.py", f"{base}/v1", key, model, text, *extra))

    def fetch(self, *asks: Object) -> list[Object]:
        return json.loads(self.in_client("python3", "fetch.py", text=json.dumps(asks)))

    def ask(self, path: str, key: str, *, base: str = BASE, **ask: Any) -> Object:
        """One raw request with a Bearer key."""
        headers = {"Authorization": f"Bearer {key}"} | ask.pop("headers", {})
        return self.fetch({"url": f"{base}{path}", "headers": headers} | ask)[0]

    def client_process(self, *command: str) -> Popen[str]:
        return self.kubectl.background("exec", "--namespace", objects.TEAM, "--stdin", "client", "--", *command)

    @contextmanager
    def watching(self, key: str, status: int, *, seconds: int = 30) -> Iterator["Watch"]:
        """Ask every replica, 50 times a second, until each has answered with `status`."""
        urls = [f"{replica_url(pod)}/plain/echo" for pod in REPLICAS]
        process = self.client_process("python3", "watch.py", key, str(status), str(seconds), *urls)
        try:
            watch = Watch(process, len(urls))
            watch.begin()
            yield watch
        finally:
            process.kill()
            process.communicate()

    # --- the vendor -------------------------------------------------------------------------------------------------

    def vendor_log(self) -> list[Object]:
        """The requests that reached the fake provider, oldest first."""
        return json.loads(self.fetch({"url": f"{objects.FAKE}/_log"})[0]["body"])

    def vendor_reset(self) -> None:
        self.fetch({"url": f"{objects.FAKE}/_reset", "method": "POST"})

    # --- whoever runs it --------------------------------------------------------------------------------------------

    def records(self, **wanted: Any) -> list[Object]:
        """The ledger lines of all replicas whose fields are as wanted."""
        lines: list[str] = []
        for pod in REPLICAS:
            script = "cat /data/ledger/usage-*.jsonl 2>/dev/null || true"
            lines += self.in_sidecar(pod, "sh", "-c", script).splitlines()
        found = [json.loads(line) for line in lines]
        return [record for record in found if all(record.get(name) == value for name, value in wanted.items())]

    def in_sidecar(self, pod: str, *command: str) -> str:
        return self.kubectl("exec", "--namespace", objects.SYSTEM, pod, "--container", "sidecar", "--", *command)

    def pod(self, name: str) -> Object:
        return self.kubectl.get("pod", name, namespace=objects.SYSTEM)

    def restarts(self, pod: str, container: str) -> int:
        status = self.pod(pod)["status"]
        found = {each["name"]: each for each in [*status["containerStatuses"], *status.get("initContainerStatuses", ())]}
        return int(found[container]["restartCount"])

    def all_ready(self) -> None:
        for pod in REPLICAS:
            self.kubectl.wait(f"pod/{pod}", "condition=Ready", namespace=objects.SYSTEM, seconds=120)

    def signal(self, pod: str, words: str, signal: str) -> None:
        """Send a signal, from the node, to the processes of a pod whose command line has these words."""
        script = """
            hit=0
            for each in /proc/[0-9]*; do
                tr '\\0' ' ' <"$each/cmdline" 2>/dev/null | grep -q -- "$2" || continue
                tr '\\0' '\\n' <"$each/environ" 2>/dev/null | grep -qx "OSTIARY_POD_NAME=$1" || continue
                kill "-$3" "${each#/proc/}" && hit=1
            done
            test $hit = 1"""
        self.cluster.node(script, pod, words, signal)

    def condition(self, kind: str, name: str, condition: str) -> Object:
        """A condition of an object that the operator has seen in its present generation; empty until then."""
        found = self.kubectl.get(kind, name, namespace=objects.TEAM)
        for each in found.get("status", {}).get("conditions", ()):
            if each["type"] == condition and each["observedGeneration"] == found["metadata"]["generation"]:
                return each
        return {}

    def until(self, kind: str, name: str, condition: str, status: str, *, seconds: float = 30) -> Object:
        """Wait until an object's condition has a status; the condition."""

        def probe() -> Object | None:
            found = self.condition(kind, name, condition)
            return found if found.get("status") == status else None

        return eventually(probe, f"{kind}/{name}: {condition}={status}", seconds=seconds)

    def generated_key(self, name: str, field: str = "api-key") -> str:
        """The plaintext of a generated key, where the ApiKey's status says that it lies."""

        def probe() -> str | None:
            reference = self.kubectl.get("apikey", name, namespace=objects.TEAM).get("status", {}).get("secretRef")
            if not reference:
                return None
            data = self.kubectl.get("secret", reference["name"], namespace=objects.TEAM)["data"]
            return base64.b64decode(data[field]).decode() if field in data else None

        return eventually(probe, f"the key of {name}", seconds=20)


class Watch:
    """What `watch.py` says."""

    def __init__(self, process: Popen[str], urls: int) -> None:
        self._process = process
        self._urls = urls
        self._reached: dict[str, float] = {}
        self.before: dict[str, int] = {}  # url -> status of the first answer

    def begin(self) -> None:
        """Until each URL has answered once."""
        while len(self.before) < self._urls:
            self._hear()

    def reached(self) -> dict[str, float]:
        """Until each URL has answered as wanted: when (Unix seconds)."""
        while len(self._reached) < self._urls:
            self._hear()
        return self._reached

    def _hear(self) -> None:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the watch ended before every replica answered as wanted"
        told = json.loads(line)
        self.before.setdefault(told["url"], told["status"])
        if told["reached"]:
            self._reached[told["url"]] = told["at"]
