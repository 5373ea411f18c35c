"""Bundles in `run/bundle/`: one folder per bundle, named by its digest, and the link `current` to the one in force.

The link is replaced by a rename, so a reader sees one bundle or the other, never half of each.
"""

import asyncio
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from ostiary_gateway.contract import bundle as bundles
from ostiary_gateway.contract.bundle import MANIFEST, Bundle, BundleError

FOLDER = "bundle"
CURRENT = "current"
POLL_SECONDS = 0.1

log = logging.getLogger(__name__)


def publish(run: Path, bundle: Bundle, *, keep: int = 3) -> None:
    """Write a bundle and make it the one in force; of older ones only the newest stay, `keep` in all.

    Credentials are among the files: only the owner may read them. Publishing the same bundle again changes nothing.
    """
    folder = run / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if not _is_complete(folder / bundle.digest):
        _write(folder, bundle)
    if current(run) != bundle.digest:
        _point(folder, bundle.digest)
    _prune(folder, bundle.digest, keep)


def current(run: Path) -> str | None:
    """Digest of the bundle in force, or None."""
    try:
        return (run / FOLDER / CURRENT).readlink().name
    except OSError:
        return None


def read(folder: Path) -> Bundle:
    """The bundle in a folder.

    Raises:
        BundleError: the files are not the ones that the manifest means.
        OSError: the folder or its manifest cannot be read.
    """
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    manifest = files.pop(MANIFEST, None)
    if manifest is None:
        raise BundleError(f"{MANIFEST} is missing")
    return bundles.assemble(manifest, files)


class FolderSource:
    """Watches `run/bundle/current`. `problem` says in words why the newest bundle is not in use; empty is none."""

    def __init__(self, run: Path, poll_seconds: float = POLL_SECONDS) -> None:
        self._run = run
        self._poll_seconds = poll_seconds
        self.problem = ""

    async def bundles(self) -> AsyncIterator[Bundle]:
        """Each bundle as it comes into force. One that cannot be read is tried again and again."""
        taken: tuple[int, int] | None = None
        while True:
            link, digest = _link(self._run), current(self._run)
            if link != taken and digest is not None:
                bundle = await self._read(digest)
                if bundle is not None:
                    taken = link
                    yield bundle
                    continue
            await asyncio.sleep(self._poll_seconds)

    async def _read(self, digest: str) -> Bundle | None:
        try:
            bundle = await asyncio.to_thread(read, self._run / FOLDER / digest)
        except (BundleError, OSError) as error:
            self._report(f"bundle {digest} cannot be read: {error}")
            return None
        self.problem = ""
        return bundle

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("%s; the last good one stays in force", problem)
        self.problem = problem


def _link(run: Path) -> tuple[int, int] | None:
    """Tells one making of the link from another, also where a bundle went and came back between two looks."""
    try:
        status = (run / FOLDER / CURRENT).lstat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _is_complete(folder: Path) -> bool:
    try:
        read(folder)
    except (BundleError, OSError):
        return False
    return True


def _write(folder: Path, bundle: Bundle) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    for name, content in {**bundle.files, MANIFEST: bundle.manifest}.items():
        path = temporary / name
        path.touch(mode=0o600)
        path.write_bytes(content)
    target = folder / bundle.digest
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def _point(folder: Path, digest: str) -> None:
    link = folder / f".{CURRENT}-{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(digest)
    link.replace(folder / CURRENT)


def _prune(folder: Path, digest: str, keep: int) -> None:
    old = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink() and path.name != digest]
    old.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in old[keep - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
