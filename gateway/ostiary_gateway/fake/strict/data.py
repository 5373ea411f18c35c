"""Images and files within a request: base64 that decodes, addresses that can be fetched."""

import base64
import binascii
import re

from ostiary_gateway.fake.strict.shape import need

_ADDRESS = re.compile(r"https?://[^\s/]+\S*")
_INLINE = re.compile(r"data:(?P<media>[\w.+-]+/[\w.+-]+);base64,(?P<data>.*)", re.DOTALL)

_URL_SAFE = re.compile(r"[-_]")
_FROM_URL_SAFE = str.maketrans("-_", "+/")


def decode_base64(data: str) -> bytes | None:
    """In both alphabets, with or without padding."""
    plain = data.translate(_FROM_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def need_base64(data: str, place: str, *, url_safe: bool = False) -> None:
    """`url_safe`: the other alphabet and absent padding will do, too."""
    plain = url_safe or (len(data) % 4 == 0 and not _URL_SAFE.search(data))
    need(data and plain and decode_base64(data) is not None, place, "Invalid base64 data")


def need_url(url: str, place: str) -> None:
    need(_ADDRESS.fullmatch(url), place, "Only HTTP and HTTPS URLs are supported")


def need_address(url: str, place: str) -> None:
    """An address, or a `data:` one that holds base64."""
    if url.startswith("data:"):
        parts = split_inline(url)
        need(parts is not None, place, "Invalid base64 data URL")
        need_base64(parts[1] if parts else "", place)
    else:
        need_url(url, place)


def split_inline(url: str) -> tuple[str, str] | None:
    """Media type and base64 of a `data:` address."""
    found = _INLINE.fullmatch(url)
    return (found["media"], found["data"]) if found else None
