"""The same gateway through docker, where nginx cannot run as it is."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

from ostiary_operator.cli.standalone.plan import CannotRunError, Plan

IMAGE = "ostiary-gateway:dev"
_DOCKERFILE = Path("gateway/Dockerfile")
_INSIDE = {"OSTIARY_HOST": "0.0.0.0", "OSTIARY_RUN": "/tmp/ostiary", "OSTIARY_DATA": "/data"}  # noqa: S108 - container's
_OUTSIDE = ("OSTIARY_NGINX", "OSTIARY_MANIFESTS", "OSTIARY_CONFIG")  # paths of this machine


def run(plan: Plan, system: str) -> NoReturn:
    """Become `docker run`, so that Ctrl-C reaches the container. Builds the image if it is not there yet.

    Raises:
        CannotRunError: there is no docker, or no image and nothing to build it from.
    """
    if shutil.which("docker") is None:
        raise CannotRunError(f"{system} has no nginx with njs for Ostiary, and docker is missing: install docker")
    if subprocess.run(["docker", "version"], capture_output=True, check=False).returncode != 0:
        raise CannotRunError("docker does not answer: start it, or get the right to use it")
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False).returncode != 0:
        _build()
    plan.data.mkdir(parents=True, exist_ok=True)
    words = command(plan)
    os.execvpe(words[0], words, {**plan.environ})  # noqa: S606 - no shell is wanted


def command(plan: Plan) -> list[str]:
    """`docker run`: files owned by the caller, and credentials by name only, since anyone may read a command line."""
    published = f"{plan.settings.host}:{plan.settings.port}:{plan.settings.port}"
    ours = {name: value for name, value in plan.environ.items() if name.startswith("OSTIARY_")}
    settings = {name: value for name, value in (ours | _INSIDE).items() if name not in _OUTSIDE}
    named = {name for name in plan.variables if name in plan.environ}
    credentials = {name for name in plan.environ if name.endswith("_API_KEY") or name not in os.environ} - ours.keys() | named
    return [
        *("docker", "run", "--rm", "-i", "--user", f"{os.getuid()}:{os.getgid()}", "--publish", published),
        *("--volume", f"{plan.manifests.absolute()}:/manifests:ro", "--volume", f"{plan.data}:/data"),
        *(word for name, value in sorted(settings.items()) for word in ("--env", f"{name}={value}")),
        *(word for name in sorted(credentials) for word in ("--env", name)),
        *("--entrypoint", "ostiary", IMAGE, "run", "--manifests", "/manifests", "--port", str(plan.settings.port)),
        *([] if plan.fake_port else ["--no-fake"]),
    ]


def _build() -> None:
    if not _DOCKERFILE.is_file():
        raise CannotRunError(f"the image {IMAGE} is missing: build it in Ostiary's checkout")
    build = ["docker", "build", "--tag", IMAGE, "--file", str(_DOCKERFILE), "."]
    if subprocess.run(build, check=False).returncode != 0:
        raise CannotRunError(f"the image {IMAGE} cannot be built (see above)")
