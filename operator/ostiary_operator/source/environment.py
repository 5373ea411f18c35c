"""Environment variables, and the file `.env` under them."""

from collections.abc import Mapping
from pathlib import Path


def read(environ: Mapping[str, str], dotenv: Path) -> dict[str, str]:
    """The environment over the lines `NAME=value` of a file, if it is there; what the environment has wins."""
    try:
        lines = dotenv.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines if not line.lstrip().startswith("#"))
    return {**{name.strip(): _unquoted(value.strip()) for name, equals, value in pairs if equals}, **environ}


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
