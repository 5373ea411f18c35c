"""`python -m ostiary_gateway PROCESS`: the processes of one gateway."""

import os
from importlib import import_module
from pathlib import Path

import click

from ostiary_gateway.contract.settings import Settings, SettingsError, load


class Processes(click.Group):
    """Each process imports only what it needs: the supervisor stays small."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "fake"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "fake":
            command: click.Command = import_module("ostiary_gateway.cli.fake").fake_provider
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=Processes, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The processes of an Ostiary gateway. Their settings are OSTIARY_* variables (see .env.example)."""


@main.command()
def sidecar() -> None:
    """Decide, keep the ledger, answer /auth, /stats, /metrics."""
    import_module("ostiary_gateway.server.app").main()


@main.command()
@click.option("--stop", is_flag=True, help="Only end, gracefully, the nginx that a killed supervisor left behind.")
@click.option("--now", is_flag=True, help="With --stop: do not wait for open requests.")
def supervisor(stop: bool, now: bool) -> None:
    """Keep nginx running with the configuration of the bundle in force."""
    settings = _settings()
    start_error = import_module("ostiary_gateway.supervisor.errors").StartError
    try:
        import_module("ostiary_gateway.server.logs").configure(settings.log_level)
        import_module("ostiary_gateway.supervisor.main").main(settings, signals=stop + (stop and now))
    except (start_error, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.option("--run", type=click.Path(path_type=Path), help="Folder of its socket [default: OSTIARY_RUN].")
@click.option("--listener", type=int, help="Descriptor of a socket that listens already [default: listen on guard.sock].")
def guard(run: Path | None, listener: int | None) -> None:
    """Carry attempts that need exact timers, keep-alive comments or draining; nginx asks on guard.sock."""
    settings = _settings()
    try:
        import_module("ostiary_gateway.server.logs").configure(settings.log_level)
        import_module("ostiary_gateway.guard.main").main(settings, run or Path(settings.run), listener)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _settings() -> Settings:
    """Settings of the environment over the file that it names."""
    file = os.environ.get("OSTIARY_CONFIG", "")
    try:
        return load(os.environ, Path(file).read_text() if file else "")
    except (SettingsError, OSError) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main(prog_name="python -m ostiary_gateway")
