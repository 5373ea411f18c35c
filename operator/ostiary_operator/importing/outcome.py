"""What an import makes of a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """Something that Ostiary cannot express, or not in the same way. No value is quoted.

    `path` is that of the input, `line` its first; line 0 is the environment, and the path then a variable.
    """

    line: int
    path: str
    why: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else ""
        return ": ".join(part for part in (where, self.path, self.why) if part)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration leaves to the machine that it is read on.

    `environ` fills in variables, but for secrets, which stay references. `hosts` replaces names of hosts in addresses.
    `key` is a key that callers will use; of it only the hash is written down.
    """

    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: Mapping[str, str] = field(default_factory=dict)
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """`settings` are OSTIARY_* variables. `variables` are the entries of the Secret `env` that the manifests need.

    `secrets` are those of them whose values stood in the input in plain text: to run from it, never to be shown.
    """

    source: str
    manifests: tuple[Manifest, ...]
    settings: Mapping[str, str]
    variables: tuple[str, ...]
    notes: tuple[Note, ...]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
