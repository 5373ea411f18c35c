"""Who this replica is to the others, for as long as its data lasts."""

import re
import uuid
from pathlib import Path

_NAME = "replica"
_WELL_FORMED = re.compile(r"[0-9a-f]{32}")


def identity(data: Path) -> str:
    """A name that lies beside the ledger: what this replica used is known under it for as long as its ledger knows it.

    Raises:
        OSError: the folder cannot be written.
    """
    file = data / _NAME
    data.mkdir(parents=True, exist_ok=True)
    if file.exists() and _WELL_FORMED.fullmatch(known := file.read_text(encoding="ascii", errors="replace").strip()):
        return known
    made = uuid.uuid4().hex
    temporary = file.with_suffix(".tmp")
    temporary.write_text(made + "\n", encoding="ascii")
    temporary.replace(file)
    return made
