"""What the commands find in the environment: settings, and the ledger's folder."""

import os
from pathlib import Path

import click

from ostiary_gateway.contract.settings import Settings, SettingsError, load


def settings() -> Settings:
    """From the environment, over the file that it names.

    Raises:
        click.ClickException: a setting is wrong, or the file cannot be read.
    """
    try:
        found = load(os.environ)
        if found.config:
            found = load(os.environ, Path(found.config).read_text(encoding="utf-8"))
    except (SettingsError, OSError) as error:
        raise click.ClickException(str(error)) from error
    return found


def ledger_folder(folder: Path) -> Path:
    """The folder, if it is there.

    Raises:
        click.ClickException: it is not.
    """
    if not folder.is_dir():
        raise click.ClickException(f"{folder}: no ledger there")
    return folder


def ledger_of(found: Settings) -> Path:
    """The folder of the ledger that the settings name.

    Raises:
        click.ClickException: it is not there.
    """
    return ledger_folder(Path(found.data) / "ledger")
