"""`ostiary run --from`: another gateway's configuration, imported into the run folder and served from there."""

import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click
import msgspec

from ostiary_operator.cli import imports
from ostiary_operator.cli.standalone.plan import CannotRunError, Plan
from ostiary_operator.importing import Imported, Surroundings

_FOLDER = "imported"
_DOCKER_HOST = "host.docker.internal"  # how a gateway in a container calls the machine itself


def read(source: str, file: Path, key: str, environ: Mapping[str, str]) -> Imported:
    """Import a file, and say what could not be expressed.

    Raises:
        click.ClickException: it cannot be read.
    """
    around = Surroundings(environ=environ, hosts={} if _is_known(_DOCKER_HOST) else {_DOCKER_HOST: "127.0.0.1"}, key=key)
    imported = imports.read(source, file, around)
    for note in imported.notes:
        click.echo(f"ostiary: {file}: {note}", err=True)
    return imported


def environment(imported: Imported, environ: Mapping[str, str]) -> dict[str, str]:
    """The file's settings under the environment, and the secrets that stood in the file over it."""
    ours = {name: value for name, value in environ.items() if value or name not in imported.settings}
    return {**imported.settings, **ours, **imported.secrets}


def placed(imported: Imported, plan: Plan) -> Plan:
    """The plan with the imported manifests, written to a folder of the run folder.

    Raises:
        CannotRunError: that folder cannot be written.
    """
    folder = plan.run / _FOLDER
    try:
        imports.place(imported, folder)
    except OSError as error:
        raise CannotRunError(f"cannot write to {folder}: {error.strerror}; choose another folder: OSTIARY_RUN") from error
    settings = msgspec.structs.replace(plan.settings, manifests=str(folder))
    return replace(plan, settings=settings, variables=imported.variables)


def _is_known(host: str) -> bool:
    if sys.platform != "linux":
        return True
    try:
        return bool(socket.getaddrinfo(host, None))
    except OSError:
        return False
