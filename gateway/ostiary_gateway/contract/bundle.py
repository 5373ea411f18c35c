"""The bundle: the files that the control plane hands to the gateway, and the manifest that binds them together.

A bundle is complete only if each file that the manifest names is there with the digest that the manifest gives. In the
cluster the files are keys of ConfigMaps and of one Secret, which change one after the other; the manifest is what makes
them one. Such a key may hold its file packed (`document.json.gz`), because an object of the API server holds 1 MiB at most.
"""

import gzip
import hashlib
import zlib
from collections.abc import Mapping

import msgspec

VERSION = 1
MANIFEST = "manifest.json"
DOCUMENT = "document.json"
UPSTREAMS = "upstreams.conf"
CREDENTIALS = "credentials.json"  # provider id -> list of credentials; only ever in a Secret
ALLOWLIST = "allowlist-{:03d}.csv"
PACKED = ".gz"
_LARGEST = 64 * 1024 * 1024  # bytes of one file when unpacked
_GZIP = 16 + zlib.MAX_WBITS


class BundleError(ValueError):
    """The files are not a complete bundle."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`digest` names the bundle and is the generation of every decision made from it."""

    version: int
    digest: str
    files: dict[str, str]  # file name -> digest of its bytes


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    digest: str
    files: dict[str, bytes]  # without the manifest

    @property
    def manifest(self) -> bytes:
        files = {name: digest(content) for name, content in sorted(self.files.items())}
        return msgspec.json.format(msgspec.json.encode(Manifest(version=VERSION, digest=self.digest, files=files)), indent=1)


def digest(content: bytes) -> str:
    """Short name of some bytes: 16 hex digits of their SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


def build(files: Mapping[str, bytes]) -> Bundle:
    """Bind files into a bundle; the same files are always the same digest."""
    names = "\n".join(f"{name} {hashlib.sha256(files[name]).hexdigest()}" for name in sorted(files))
    return Bundle(digest=digest(names.encode()), files=dict(files))


def pack(content: bytes) -> bytes:
    """A file as `<name>.gz` holds it; the same content is always the same bytes."""
    return gzip.compress(content, compresslevel=6, mtime=0)


def assemble(manifest: bytes, files: Mapping[str, bytes]) -> Bundle:
    """Check files against their manifest.

    Raises:
        BundleError: the manifest cannot be read, or a file is missing or not the one that is meant (yet).
    """
    try:
        head = msgspec.json.decode(manifest, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(str(error)) from error
    if head.version != VERSION:
        raise BundleError(f"bundle version {head.version} is not {VERSION}")
    found = {name: _find(name, files) for name in head.files}
    for name, expected in head.files.items():
        if digest(found[name]) != expected:
            raise BundleError(f"{name} is not the one of bundle {head.digest}")
    bundle = build(found)
    if bundle.digest != head.digest:
        raise BundleError(f"the files are not bundle {head.digest}")
    return bundle


def _find(name: str, files: Mapping[str, bytes]) -> bytes:
    if name in files:
        return files[name]
    if name + PACKED not in files:
        raise BundleError(f"{name} is missing")
    unpacking = zlib.decompressobj(wbits=_GZIP)
    try:
        content = unpacking.decompress(files[name + PACKED], _LARGEST)
    except zlib.error as error:
        raise BundleError(f"{name}{PACKED}: {error}") from error
    if not unpacking.eof:
        raise BundleError(f"{name}{PACKED} is cut off or too large")
    return content
