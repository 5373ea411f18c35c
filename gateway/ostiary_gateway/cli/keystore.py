"""`ostiary keystore`: keys by the hundred thousand, in a SQLite file beside those of custom resources."""

from contextlib import closing
from pathlib import Path

import click

from ostiary_gateway.cli import configured
from ostiary_gateway.contract.allowlist import AllowListError, read
from ostiary_gateway.keystore import KeyStore, KeyStoreError

_store = click.option("--store", type=click.Path(path_type=Path, dir_okay=False), help="The file  [default: OSTIARY_KEY_STORE]")


@click.group("keystore")
def keystore() -> None:
    """Keys in a SQLite file, for more of them than there should be custom resources."""


@keystore.command("import")
@_store
@click.option("--replace", is_flag=True, help="Remove the keys that are not in the file.")
@click.option("--plaintext", is_flag=True, help="Keys in the file may be no hashes; only their hashes are stored.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_(store: Path | None, file: Path, *, replace: bool, plaintext: bool) -> None:
    """Take the rows of an allow-list (CSV: id, api_key, owner, added, ...), all or none. A running gateway knows them at once."""
    try:
        entries = read(file.read_text(encoding="utf-8"), plaintext=plaintext)
        with closing(_opened(store)) as keys:
            count = keys.put(entries, replace=replace)
            click.echo(f"{count:,} taken, {keys.count():,} there.")
    except (AllowListError, KeyStoreError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file}: {error}") from error


@keystore.command("revoke")
@_store
@click.argument("ids", nargs=-1, required=True)
def revoke(store: Path | None, ids: tuple[str, ...]) -> None:
    """Disable keys by their ids; a second later none of them is let through."""
    with closing(_opened(store)) as keys:
        try:
            count = keys.revoke(ids)
        except KeyStoreError as error:
            raise click.ClickException(str(error)) from error
    if not count:
        raise click.ClickException("no such key that is not disabled already")
    click.echo(f"{count:,} disabled.")


def _opened(store: Path | None) -> KeyStore:
    try:
        return KeyStore.open(store or _configured())
    except (KeyStoreError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _configured() -> Path:
    settings = configured.settings()
    if not settings.key_store:
        raise click.ClickException("no key store: say --store or set OSTIARY_KEY_STORE")
    return Path(settings.key_store)
