"""`ostiary operator`: the control plane in a cluster."""

import asyncio
import os
from pathlib import Path

import click

from ostiary_gateway.contract import settings as contract
from ostiary_operator.api.limits import LimitsError, parse_limits


@click.command()
@click.option("--kubeconfig", default="", envvar="KUBECONFIG", help="Work from outside the cluster, with this file.")
def operator(kubeconfig: str) -> None:
    """Compile the cluster's Providers, Models, ApiKeys and Budgets for the gateway."""
    try:
        settings = contract.load(os.environ, _file(os.environ.get("OSTIARY_CONFIG", "")))
    except contract.SettingsError as error:
        raise click.ClickException(str(error)) from error
    if not settings.namespace or not settings.bundle:
        raise click.ClickException("OSTIARY_NAMESPACE and OSTIARY_BUNDLE must be set")
    try:
        parse_limits(settings.default_limits)
    except LimitsError as error:
        raise click.ClickException(f"OSTIARY_DEFAULT_LIMITS: {error}") from error
    from ostiary_operator.handlers.logs import configure_logs  # noqa: PLC0415 - kopf takes a second to load
    from ostiary_operator.handlers.running import run_operator  # noqa: PLC0415

    configure_logs(settings.log_level)
    asyncio.run(run_operator(settings, kubeconfig))


def _file(path: str) -> str:
    return Path(path).read_text(encoding="utf-8") if path else ""
