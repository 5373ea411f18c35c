"""DNS as bytes: one question, and the addresses in what comes back (RFC 1035, RFC 3596)."""

import ipaddress
import struct

ADDRESS, IPV6_ADDRESS = 1, 28  # types of records

_HEAD = struct.Struct("!6H")
_RECORD = struct.Struct("!2HIH")  # type, class, life, length
_INTERNET, _RECURSION_DESIRED, _IS_ANSWER, _NO_ERROR = 1, 0x0100, 0x8000, 0
_POINTER = 0xC0
_PARTS: dict[int, type[ipaddress.IPv4Address | ipaddress.IPv6Address]] = {
    ADDRESS: ipaddress.IPv4Address,
    IPV6_ADDRESS: ipaddress.IPv6Address,
}


class NoAnswerError(OSError):
    """A server says that there is no such name, or what it says cannot be understood."""


def question(number: int, name: str, kind: int) -> bytes:
    """A query for one name.

    Raises:
        NoAnswerError: no server can be asked for such a name.
    """
    try:
        labels = [label.encode("idna") for label in name.rstrip(".").split(".")]
    except UnicodeError as error:
        raise NoAnswerError(f"{name} is no host name") from error
    if not all(labels):
        raise NoAnswerError(f"{name} is no host name")
    encoded = b"".join(bytes((len(label),)) + label for label in labels)
    return _HEAD.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0) + encoded + b"\0" + struct.pack("!2H", kind, _INTERNET)


def addresses(message: bytes, number: int, kind: int) -> list[str]:
    """The addresses of an answer, whatever name they were found under; none is an answer too.

    Raises:
        NoAnswerError: it says that something is wrong, or is no answer to this question.
    """
    try:
        return _addresses(message, number, kind)
    except (struct.error, IndexError, ValueError) as error:
        raise NoAnswerError("an answer that cannot be read") from error


def _addresses(message: bytes, number: int, kind: int) -> list[str]:
    got, flags, questions, answers, _, _ = _HEAD.unpack_from(message)
    if got != number or not flags & _IS_ANSWER:
        raise NoAnswerError("not an answer to our question")
    if flags & 0xF != _NO_ERROR:
        raise NoAnswerError(f"error {flags & 0xF}")
    at = _HEAD.size
    for _ in range(questions):
        at = _after_name(message, at) + 4
    found = []
    for _ in range(answers):
        at = _after_name(message, at)
        record, _, _, length = _RECORD.unpack_from(message, at)
        at += _RECORD.size
        if record == kind:
            found.append(str(_PARTS[kind](message[at : at + length])))
        at += length
    return found


def _after_name(message: bytes, at: int) -> int:
    while (length := message[at]) != 0:
        if length >= _POINTER:
            return at + 2
        at += length + 1
    return at + 1
