"""What the supervisor says about nginx in `run/nginx.json`."""

from pathlib import Path

import msgspec

NAME = "nginx.json"


class NginxReport(msgspec.Struct, frozen=True, kw_only=True):
    """`upstreams` is the digest of the upstreams.conf that nginx serves with; `problem` is why it is not the newest."""

    epoch: str = ""
    pid: int = 0
    upstreams: str = ""
    problem: str = ""


def load(run: Path) -> NginxReport | None:
    """The report, or None where there is none yet."""
    try:
        return msgspec.json.decode((run / NAME).read_bytes(), type=NginxReport)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
