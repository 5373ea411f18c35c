"""`ostiary key`: keys that only their owner knows."""

import re
from collections.abc import Callable

import click
import yaml

from ostiary_gateway.contract.allowlist import hash_key
from ostiary_operator.api import keys, names, patterns


def _matching(pattern: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """Refuses a text that does not fit one of the custom resources' patterns."""

    def check(_context: click.Context, _option: click.Parameter, value: str) -> str:
        if not re.fullmatch(pattern, value) or "\n" in value:
            raise click.BadParameter(patterns.MEANINGS[pattern])
        return value

    return check


@click.group()
def key() -> None:
    """Make keys."""


@key.command()
@click.option("--name", default="my-key", show_default=True, callback=_matching(patterns.OBJECT_NAME), help="Name of the ApiKey.")
@click.option("--owner", default="", callback=_matching(patterns.TEXT), help="Who answers for its calls.")
@click.option("--namespace", default="default", show_default=True, callback=_matching(patterns.LABEL), help="Its namespace.")
def new(name: str, owner: str, namespace: str) -> None:
    """Print a new key, once, and the manifest that lets it in.

    The key goes to stderr and the manifest, which holds only its hash, to stdout: `ostiary key new > key.yaml`.
    """
    value = keys.new_key()
    click.echo(f"{value}\n", err=True)
    spec = {**({"owner": owner} if owner else {}), "sha256": hash_key(value)}
    metadata = {"name": name, "namespace": namespace}
    manifest = {"apiVersion": names.API_VERSION, "kind": names.API_KEY, "metadata": metadata, "spec": spec}
    click.echo(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True), nl=False)
