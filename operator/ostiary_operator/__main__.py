"""`ostiary`: commands gathered from the entry points of the group `ostiary.commands`.

The gateway's package brings commands of its own, so nothing here imports it; and a command is imported only when it is
called, so that `ostiary key new` does not wait for a Kubernetes client.
"""

from importlib.metadata import EntryPoint, entry_points

import click

_GROUP = "ostiary.commands"


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(found.name for found in entry_points(group=_GROUP))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        found = tuple(entry_points(group=_GROUP, name=cmd_name))
        return _load(found[0]) if found else None


def _load(entry: EntryPoint) -> click.Command:
    command = entry.load()
    if not isinstance(command, click.Command):
        raise TypeError(f"entry point {entry.name} ({entry.value}) is no click command")
    return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ostiary")
def main() -> None:
    """Ostiary, the LLM gateway for Kubernetes whose numbers you can trust."""


if __name__ == "__main__":
    main(prog_name="ostiary")
