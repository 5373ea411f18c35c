"""What became of the manifests of a folder: `run/problems.json`, which `ostiary run` writes whenever it has compiled them."""

from pathlib import Path

import msgspec

from ostiary_gateway.admin.kinds import Kind
from ostiary_gateway.admin.resources import Object, Ref

FILE = "problems.json"


class Problem(msgspec.Struct, frozen=True):
    """`subject` is `<Kind>/<name>`, or empty where the whole file is wrong. A warning does not keep the object out of use."""

    file: str
    subject: str = ""
    field: str = ""
    why: str = ""
    warning: bool = False


_decoder = msgspec.json.Decoder(list[Problem])


class Standing:
    """Read again when it has changed."""

    def __init__(self, run: Path) -> None:
        self._path = run / FILE
        self._stamp = (0, 0)
        self._problems: list[Problem] = []

    def of(self, kind: Kind, ref: Ref, file: str) -> Object:
        """The status of an object: its conditions, or nothing where nobody has told."""
        if not self._refresh():
            return {}
        subject = f"{kind.name}/{ref.name}"
        found = [each for each in self._problems if each.file == file and each.subject in ("", subject)]
        fatal = [each for each in found if not each.warning]
        texts = [": ".join(part for part in (each.field, each.why) if part) for each in fatal or found]
        ready = {"type": "Ready", "status": "False" if fatal else "True", "reason": "Invalid" if fatal else "Ready"}
        return {"conditions": [ready | {"message": "; ".join(texts)}]}

    def _refresh(self) -> bool:
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino)
            if stamp != self._stamp:
                self._problems = _decoder.decode(self._path.read_bytes())
                self._stamp = stamp
        except (OSError, msgspec.DecodeError):
            return False
        return True
