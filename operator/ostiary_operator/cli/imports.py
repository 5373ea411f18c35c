"""`ostiary import`: the configuration of another gateway as manifests of this one."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from ostiary_operator.importing import Imported, Surroundings, UnreadableError, litellm, lmgate, plano, text
from ostiary_operator.source import environment

SOURCES: Mapping[str, Callable[[str, Surroundings], Imported]] = {"plano": plano, "litellm": litellm, "lmgate": lmgate}
MANIFESTS, SETTINGS = "imported.yaml", "imported.env"
_INCOMPLETE = 2


@click.group("import")
def import_() -> None:
    """Take over the configuration of another gateway.

    Writes manifests that behave the same; secrets are references. What could not be expressed is listed with its line in
    FILE, and the exit code is 2 then. 1: FILE cannot be read.
    """


def _command(source: str, what: str) -> None:
    @import_.command(source, help=f"Read {what} ('-' is stdin).")
    @click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
    @click.option("--output", type=click.Path(path_type=Path), help=f"Folder for {MANIFESTS} and {SETTINGS} [default: stdout].")
    @click.option("--notes", type=click.Path(path_type=Path), help="File for what could not be expressed [default: stderr].")
    @click.option("--key", default="", help="A key that callers use: its hash goes into an ApiKey.")
    def command(file: Path, output: Path | None, notes: Path | None, key: str) -> None:
        around = Surroundings(environ=environment.read(os.environ, Path(".env")), key=key)
        imported = read(source, file, around)
        try:
            _write(imported, output)
            _write_notes(imported, notes)
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from error
        if imported.notes:
            raise SystemExit(_INCOMPLETE)


_command("plano", "a configuration of Plano")
_command("litellm", "a configuration of LiteLLM's proxy")
_command("lmgate", "an allow-list of LMGate (CSV), or its configuration (YAML)")


def read(source: str, file: Path, around: Surroundings) -> Imported:
    """Import a file.

    Raises:
        click.ClickException: it cannot be read, or is not what it was said to be.
    """
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return SOURCES[source](content.decode("utf-8-sig"), around)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file}: is no UTF-8 text") from error
    except UnreadableError as error:
        raise click.ClickException(f"{file}: {error}") from error


def place(imported: Imported, folder: Path) -> None:
    """Write the manifests where `ostiary run` reads them, in place of earlier ones.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = folder / f".{MANIFESTS}"
    new.write_text(text.manifests(imported), encoding="utf-8")
    new.replace(folder / MANIFESTS)


def _write(imported: Imported, output: Path | None) -> None:
    if output is None:
        return click.echo(text.manifests(imported), nl=False)
    place(imported, output)
    (output / SETTINGS).write_text(text.dotenv(imported), encoding="utf-8")
    return None


def _write_notes(imported: Imported, notes: Path | None) -> None:
    if notes is None:
        click.echo(text.notes(imported), err=True, nl=False)
    else:
        notes.write_text(text.notes(imported), encoding="utf-8")
