"""Keys: how a new one looks, and what a text must be to be one."""

import re
import secrets
import string

PREFIX = "sk-ost-"
_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 40  # of 62 characters: 238 bits
_HEADER_VALUE = re.compile(r"[!-~]{1,8192}")


def new_key() -> str:
    """A key that nobody can guess. The one thing here that is not the same twice."""
    return PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def from_bytes(value: bytes) -> str | None:
    """A key or credential as kept in a Secret, without white space around it; None if it cannot stand in a header."""
    try:
        text = value.decode("ascii").strip()
    except UnicodeDecodeError:
        return None
    return text if _HEADER_VALUE.fullmatch(text) else None
