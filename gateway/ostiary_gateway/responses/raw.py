"""JSON that is taken apart no further than needed: what is not looked at stays the bytes that somebody wrote."""

from collections.abc import Iterable, Mapping

import msgspec

NULL = b"null"
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What is raised for a text that is not what it is taken for."""

Fields = Mapping[str, msgspec.Raw]
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


def fields_of(text: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The fields of an object."""
    return _fields.decode(text)


def items_of(text: bytes) -> list[bytes]:
    """The items of an array."""
    return list(map(bytes, _items.decode(text)))


def text_of(text: bytes) -> str:
    return _text.decode(text)


def array(items: Iterable[bytes]) -> bytes:
    return b"[%b]" % b",".join(items)


def kind_of(item: Fields) -> bytes:
    """The `type` of an item, with its quotation marks; empty without one."""
    return bytes(item.get("type", b""))


def name_of(item: Fields) -> str:
    """The `id` of an item; empty without one."""
    try:
        return _text.decode(item.get("id", b'""'))
    except msgspec.DecodeError:
        return ""


def given(fields: Fields, name: str) -> bytes:
    """A field that is there and not null; else nothing."""
    value = bytes(fields.get(name, b""))
    return b"" if value == NULL else value


def without_nulls(item: msgspec.Raw) -> dict[str, msgspec.Raw]:
    return {name: value for name, value in _fields.decode(item).items() if bytes(value) != NULL}
