"""Questions to a DNS server and what it may answer."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary_gateway.guard.names import ADDRESS, IPV6_ADDRESS, NoAnswerError, addresses, question

ASKED = question(7, "api.example", ADDRESS)[12:]
CNAME = b"\xc0\x0c" + struct.pack("!2HIH", 5, 1, 60, 6) + b"\x03cdn\xc0\x10"


def record(kind: int, data: bytes, name: bytes = b"\xc0\x0c") -> bytes:
    return name + struct.pack("!2HIH", kind, 1, 60, len(data)) + data


def message(*records: bytes, number: int = 7, flags: int = 0x8180) -> bytes:
    return struct.pack("!6H", number, flags, 1, len(records), 0, 0) + ASKED + b"".join(records)


def test_a_question() -> None:
    asked = question(258, "Api.example.", IPV6_ADDRESS)
    assert asked == b"\x01\x02\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03Api\x07example\x00\x00\x1c\x00\x01"


def test_every_address_counts_behind_whatever_name() -> None:
    said = message(CNAME, record(ADDRESS, b"\x7f\0\0\1", b"\x03cdn\xc0\x10"), record(ADDRESS, b"\x0a\0\0\1"))
    assert addresses(said, 7, ADDRESS) == ["127.0.0.1", "10.0.0.1"]


def test_ipv6() -> None:
    assert addresses(message(record(IPV6_ADDRESS, b"\0" * 15 + b"\1")), 7, IPV6_ADDRESS) == ["::1"]


def test_a_name_without_addresses_of_a_kind_is_no_error() -> None:
    assert addresses(message(CNAME), 7, ADDRESS) == []


@pytest.mark.parametrize(
    "said",
    [
        b"",
        message()[:11],
        message(number=8),
        message(flags=0x0100),
        message(flags=0x8183),
        message(record(ADDRESS, b"\x7f\0\0\1")[:-1]),
        message(record(ADDRESS, b"\x7f\0\0")),
    ],
)
def test_what_is_no_answer(said: bytes) -> None:
    with pytest.raises(NoAnswerError):
        addresses(said, 7, ADDRESS)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, "a." + "y" * 64 + ".b"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(NoAnswerError):
        question(1, name, ADDRESS)


@given(st.binary(max_size=80))
def test_no_bytes_of_a_server_raise_anything_else(said: bytes) -> None:
    with suppress(NoAnswerError):
        assert isinstance(addresses(said, 7, ADDRESS), list)
