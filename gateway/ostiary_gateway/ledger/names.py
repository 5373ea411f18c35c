"""Names of ledger files: `usage-2026-11-21.jsonl`, then by size `usage-2026-11-21.1.jsonl`, `.2.jsonl` and so on.

One that is finished may be compressed: the same with `.gz` at its end. A file keeps its name for ever, and the day is the day of
writing: a record is never in a file of a day before its own.
"""

import re
from pathlib import Path
from typing import Self

import msgspec

_PACKED = ".gz"
_PATTERN = re.compile(r"usage-(\d{4}-\d\d-\d\d)(?:\.([1-9]\d*))?\.jsonl")


class Name(msgspec.Struct, frozen=True, order=True):
    """Orders as the files were written. `day` is YYYY-MM-DD in UTC."""

    day: str
    part: int = 0

    @classmethod
    def parse(cls, text: str) -> Self | None:
        match = _PATTERN.fullmatch(text)
        return cls(match[1], int(match[2] or 0)) if match else None

    def __str__(self) -> str:
        return f"usage-{self.day}.{self.part}.jsonl" if self.part else f"usage-{self.day}.jsonl"

    def after(self, day: str) -> "Name":
        """The next file, of this day or a later one; a clock that went back starts no older file."""
        return Name(day) if day > self.day else Name(self.day, self.part + 1)


def packed(name: Name) -> str:
    """What a ledger file is called once it is compressed."""
    return f"{name}{_PACKED}"


def listed(folder: Path) -> list[Name]:
    """Ledger files of a folder, plain or compressed, in the order in which they were written; none if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted({name for path in folder.iterdir() if (name := Name.parse(path.name.removesuffix(_PACKED)))})


def delete(folder: Path, name: Name) -> None:
    """Delete a ledger file, whichever form it is in."""
    for form in (str(name), packed(name)):
        (folder / form).unlink(missing_ok=True)
