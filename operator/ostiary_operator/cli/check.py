"""`ostiary check`: what is wrong with the manifests of a folder."""

import os
from pathlib import Path

import click

from ostiary_operator.api.limits import LimitsError, parse_limits
from ostiary_operator.graph import Policy, resolve
from ostiary_operator.source import environment, folder


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
def check(directory: Path) -> None:
    """Validate the manifests in DIRECTORY.

    Prints a line for each problem: file, object, field, why. Exit code 1 if there is one that is more than a warning.
    """
    environ = environment.read(os.environ, Path(".env"))
    try:
        loaded = folder.load(directory, environ, state=None)
    except folder.FolderError as error:
        raise click.ClickException(str(error)) from error
    try:
        parse_limits(environ.get("OSTIARY_DEFAULT_LIMITS", ""))
    except LimitsError as error:
        raise click.ClickException(f"OSTIARY_DEFAULT_LIMITS: {error}") from error
    found = folder.problems(loaded, resolve(loaded.snapshot, Policy(allow_local=True)))
    for problem in found:
        click.echo(f"warning: {problem}" if problem.warning else str(problem))
    if any(not problem.warning for problem in found):
        raise SystemExit(1)
    snapshot = loaded.snapshot
    counts = [len(each) for each in (snapshot.providers, snapshot.models, snapshot.api_keys, snapshot.budgets, snapshot.rows)]
    click.echo("ok: {} providers, {} models, {} keys, {} budgets, {} rows of allowlist.csv".format(*counts))
