"""Imports as files: manifests as YAML, settings as lines of a .env file."""

from collections.abc import Iterable

import yaml

from ostiary_operator.importing.outcome import Imported, Manifest


class _Dumper(yaml.SafeDumper):
    """Nothing by reference: each object stands for itself."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - yaml's signature
        return True


def manifests(imported: Imported) -> str:
    """Every manifest, under comments that say what belongs to them."""
    return header(imported) + "---\n".join(["", *(_document(made) for made in imported.manifests)]).removeprefix("---\n")


def header(imported: Imported) -> str:
    """What the manifests need beside themselves, as comments."""
    lines = [f"Made by `ostiary import {imported.source}`."]
    if imported.settings:
        lines += ["Settings that go with it, for .env:", *(f"  {line}" for line in _settings(imported))]
    if imported.variables:
        lines += ["Credentials come from the Secret env; on one machine that is the environment and .env:"]
        lines += [f"  {name}" for name in imported.variables]
    return "".join(f"# {line}\n" for line in lines)


def dotenv(imported: Imported) -> str:
    """The settings, and the names of the variables that still need a value."""
    return "".join(f"{line}\n" for line in [*_settings(imported), *(f"#{name}=" for name in imported.variables)])


def notes(imported: Imported) -> str:
    return "".join(f"{note}\n" for note in imported.notes)


def _settings(imported: Imported) -> Iterable[str]:
    return (f"{name}={value}" for name, value in imported.settings.items())


def _document(made: Manifest) -> str:
    return yaml.dump(made, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
