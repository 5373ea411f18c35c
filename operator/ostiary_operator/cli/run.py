"""`ostiary run`: the gateway on this machine."""

import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click

from ostiary_gateway.contract.settings import SettingsError, load
from ostiary_operator.cli import imports
from ostiary_operator.cli.standalone import container, origin
from ostiary_operator.cli.standalone.flow import Flow
from ostiary_operator.cli.standalone.plan import CannotRunError, Plan, check, find_nginx, lock
from ostiary_operator.importing import Imported
from ostiary_operator.source import environment

_QUICKSTART_FAKE_PORT = 8090  # hack/quickstart names it
_SOURCE = (click.Choice(list(imports.SOURCES)), click.Path(path_type=Path))


@click.command()
@click.option("--manifests", help="Folder of manifests [default: OSTIARY_MANIFESTS or hack/quickstart].")
@click.option("--port", type=int, help="Port to serve on [default: OSTIARY_PORT or 8080].")
@click.option("--from", "source", type=_SOURCE, help="Run from a file of another gateway: plano, litellm or lmgate, and FILE.")
@click.option("--key", default="", help="With --from: a key that callers use.")
@click.option("--fake/--no-fake", default=None, help="Run a fake provider to talk to [default: unless --from].")
@click.option("--fake-port", default=_QUICKSTART_FAKE_PORT, show_default=True, help="Port of the fake provider.")
def run(
    *, manifests: str | None, port: int | None, source: tuple[str, Path] | None, key: str, fake: bool | None, fake_port: int
) -> None:
    """Run the gateway on this machine, from a folder of manifests.

    Settings are OSTIARY_* variables, also from a file .env in the working folder (see .env.example).
    """
    if (manifests and source) or (key and not source):
        raise click.UsageError("--from goes without --manifests, and --key with --from only")
    options = {"OSTIARY_MANIFESTS": manifests, "OSTIARY_PORT": port}
    named = {name: str(value) for name, value in options.items() if value is not None}
    environ = environment.read(os.environ, Path(".env"))
    imported = origin.read(*source, key, environ) if source else None
    environ = origin.environment(imported, environ) if imported else environ
    fake_port = fake_port if (fake if fake is not None else imported is None) else 0
    try:
        _run(_plan(environ | named, fake_port), imported)
    except (CannotRunError, SettingsError) as error:
        raise click.ClickException(str(error)) from error


def _run(plan: Plan, imported: Imported | None) -> None:
    nginx = find_nginx(plan.settings.nginx) if sys.platform == "linux" else None
    if nginx is None:
        _elsewhere(origin.placed(imported, plan) if imported else plan)
    check(plan)
    held = lock(plan.run)
    asyncio.run(_serve(origin.placed(imported, plan) if imported else plan, nginx))
    os.close(held)


async def _serve(plan: Plan, nginx: Path) -> None:
    await Flow(plan, nginx).run()


def _plan(environ: Mapping[str, str], fake_port: int) -> Plan:
    file = environ.get("OSTIARY_CONFIG", "")
    try:
        text = Path(file).read_text() if file else ""
    except OSError as error:
        raise CannotRunError(f"OSTIARY_CONFIG: {file}: {error.strerror}") from error
    return Plan(settings=load(environ, text), environ=environ, fake_port=fake_port)


def _elsewhere(plan: Plan) -> NoReturn:
    """No nginx: on Debian it can be fetched, on other systems docker may have it."""
    if plan.settings.nginx:
        raise CannotRunError(f"nginx is missing: OSTIARY_NGINX={plan.settings.nginx} is no nginx >= 1.30")
    if sys.platform == "linux" and shutil.which("apt-get") is not None:
        raise CannotRunError("nginx >= 1.30 is missing: run hack/dev/get-nginx .tools/nginx, or set OSTIARY_NGINX")
    container.run(plan, platform.system())
