"""Plain programs from PATH: kind, docker, helm, kubectl. A failure says what the program said."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


class CommandError(Exception):
    """A program ended with another code than 0."""


def run(*command: str, text: str = "", seconds: float = 120, environment: dict[str, str] | None = None) -> str:
    """Its stdout. Only the end of a long complaint is kept.

    Raises:
        CommandError: it failed.
    """
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
        cwd=ROOT,
        env=os.environ | (environment or {}),
    )
    if done.returncode:
        raise CommandError(f"{' '.join(command[:6])}: exit code {done.returncode}\n{(done.stderr or done.stdout)[-3000:]}")
    return done.stdout


def eventually(probe: Callable[[], T | None], what: str, *, seconds: float = 60, pause: float = 0.2) -> T:
    """The first answer of `probe` that is neither None nor False; CommandError counts as no answer.

    Raises:
        AssertionError: none came in time; it says what was last seen to be wrong.
    """
    deadline = time.monotonic() + seconds
    trouble = ""
    while True:
        try:
            found = probe()
        except CommandError as error:
            found, trouble = None, str(error)
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what} {trouble}")
        time.sleep(pause)


class Kubectl:
    """kubectl with the kubeconfig of our cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        self.environment = {"KUBECONFIG": str(kubeconfig)}

    def __call__(self, *arguments: str, text: str = "", seconds: float = 120) -> str:
        return run("kubectl", *arguments, text=text, seconds=seconds, environment=self.environment)

    def apply(self, *objects: dict[str, Any]) -> float:
        """Apply objects; the moment (Unix seconds) at which kubectl returned."""
        self(
            "apply",
            "--server-side",
            "--force-conflicts",
            "-f",
            "-",
            text=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}),
        )
        return time.time()

    def get(self, kind: str, name: str = "", *, namespace: str, selector: str = "") -> dict[str, Any]:
        arguments = ["get", kind, *([name] if name else []), "--namespace", namespace, "--output", "json"]
        return json.loads(self(*arguments, *(["--selector", selector] if selector else [])))

    def wait(self, what: str, condition: str, *, namespace: str, seconds: float = 60) -> None:
        self(
            "wait",
            what,
            f"--for={condition}",
            "--namespace",
            namespace,
            f"--timeout={seconds:g}s",
            seconds=seconds + 10,
        )

    def background(self, *arguments: str) -> subprocess.Popen[str]:
        """Started, not waited for; its stdin and stdout are pipes."""
        return subprocess.Popen(
            ["kubectl", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | self.environment,
        )
