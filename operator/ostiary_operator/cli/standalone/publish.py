"""A bundle as a folder on disk: `run/bundle/<digest>`, and `current` pointing to the one in force."""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ostiary_gateway.contract.bundle import MANIFEST, Bundle
from ostiary_operator.source.problems import FolderProblem

_KEPT = 3  # a reader may still be at the one before


def publish(run: Path, bundle: Bundle) -> None:
    """Write a bundle and point `current` to it. A reader sees the old or the new one, never half of one."""
    home = run / "bundle"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = home / bundle.digest
    if not folder.is_dir():
        beside = Path(tempfile.mkdtemp(prefix=".", dir=home))
        for name, content in {**bundle.files, MANIFEST: bundle.manifest}.items():
            _write(beside / name, content)
        beside.rename(folder)
    os.utime(folder)
    link = home / ".current"
    link.unlink(missing_ok=True)
    link.symlink_to(bundle.digest)
    link.replace(home / "current")
    _remove_old(home, bundle.digest)


def publish_problems(run: Path, problems: Iterable[FolderProblem]) -> None:
    """Write what is wrong with the folder as `run/problems.json`, for the admin API."""
    new = run / f".problems-{os.getpid()}"
    new.write_bytes(msgspec.json.encode(list(problems)))
    new.replace(run / "problems.json")


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _remove_old(home: Path, current: str) -> None:
    folders = [entry for entry in home.iterdir() if entry.is_dir() and not entry.is_symlink() and entry.name != current]
    for folder in sorted(folders, key=lambda entry: entry.stat().st_mtime_ns, reverse=True)[_KEPT - 1 :]:
        shutil.rmtree(folder)
