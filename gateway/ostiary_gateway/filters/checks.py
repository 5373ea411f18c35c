"""Whether what looks like a number of some kind, or like a secret, is one; and where it ends."""

import binascii
import ipaddress
import json
import re
from base64 import urlsafe_b64decode

from ostiary_gateway.filters import checksums

_SEPARATORS = re.compile(r"[^A-Za-z0-9]")
_CARD_LENGTHS = (  # first digits, and how many there are
    (re.compile("4"), (19, 16, 13)),
    (re.compile("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile("3[47]"), (15,)),
    (re.compile("6011|64[4-9]|65"), (19, 16)),
    (re.compile("35(?:2[89]|[3-8])"), (19, 16)),
    (re.compile("30[0-5]|3[689]"), (14,)),
    (re.compile("62"), (19, 18, 17, 16)),
)
_IBAN_LENGTHS = {  # of the account number, without country and check digits
    11: "NO", 12: "BE", 14: "DK FI FO GL NL SD", 15: "MK SI", 16: "AT BA EE KZ LT LU MN XK", 17: "CH HR LI LV",
    18: "BG BH CR DE GB GE IE ME RS VA", 19: "AE GI IL IQ OM SO TL", 20: "AD CZ ES MD PK RO SA SE SK TN VG", 21: "LY PT ST",
    22: "IS TR", 23: "BI DJ FR GR IT MC MR SM", 24: "AL AZ BY CY DO GT HU LB NI PL SV", 25: "BR EG PS QA UA", 26: "JO KW MU YE",
    27: "MT SC", 28: "LC", 29: "RU",
}  # fmt: skip
_FEWEST_GROUPS = 3  # of an IPv6 address: a::b is more often a name in somebody's program
_HEX_KEY = 32


def _iban_regex() -> str:
    places = {length: "|".join(lands.split()) for length, lands in _IBAN_LENGTHS.items()}
    each = (f"(?:{lands})\\d{{2}}(?:[ \u00a0-]?[A-Z0-9]){{{length}}}" for length, lands in places.items())
    return f"(?<![A-Z0-9])(?=[A-Z]{{2}}\\d{{2}})(?:{'|'.join(each)})(?![A-Z0-9])"


IBAN = _iban_regex()


def compact(text: str) -> str:
    """Letters and digits alone, in capitals."""
    return _SEPARATORS.sub("", text).upper()


def all_of_it(found: re.Match[str]) -> int | None:
    """The expression is sure."""
    return found.end()


def iban(found: re.Match[str]) -> int | None:
    return found.end() if checksums.iban(compact(found[0])) else None


def card(found: re.Match[str]) -> int | None:
    """The longest number of a known issuer at the beginning of a row of digits, unless a digit follows it at once."""
    digits = compact(found[0])
    lengths = next((lengths for first, lengths in _CARD_LENGTHS if first.match(digits)), ())
    for length in lengths:
        if len(digits) >= length and checksums.luhn(digits[:length]):
            end = _after(found, length)
            if not found.string[end : end + 1].isalnum():
                return end
    return None


def _after(found: re.Match[str], digits: int) -> int:
    at = found.start()
    while digits:
        digits -= found.string[at].isdigit()
        at += 1
    return at


def fiscal_code(found: re.Match[str]) -> int | None:
    return found.end() if checksums.fiscal_code(found[0]) else None


def nir(found: re.Match[str]) -> int | None:
    return found.end() if checksums.nir(compact(found[0])) else None


def cpf(found: re.Match[str]) -> int | None:
    return found.end() if checksums.cpf(compact(found[0])) else None


def dni(found: re.Match[str]) -> int | None:
    return found.end() if checksums.dni(compact(found[0])) else None


def address(found: re.Match[str]) -> int | None:
    """An address of somebody: not of the machine itself, and no version number with leading zeros."""
    text = found[0].rstrip(".")
    try:
        value = ipaddress.ip_address(text)
    except ValueError:
        return None
    if value.is_loopback or value.is_unspecified:
        return None
    if value.version == 6 and sum(bool(group) for group in text.split(":")) < _FEWEST_GROUPS:  # noqa: PLR2004 - IPv6
        return None
    return found.start() + len(text)


def jwt(found: re.Match[str]) -> int | None:
    """Its header says how it is signed."""
    header = found[0].partition(".")[0]
    try:
        said = json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return found.end() if isinstance(said, dict) and "alg" in said else None


def mixed(found: re.Match[str]) -> int | None:
    """Somebody's key, and not a name with hyphens: digits and letters of both cases, or many of them."""
    text = found[0].rpartition("-")[2] if "_" not in found[0] else found[0]
    digits, letters = any(each.isdigit() for each in found[0]), any(each.isalpha() for each in text)
    both = any(each.isupper() for each in found[0]) and any(each.islower() for each in text)
    return found.end() if digits and letters and (both or len(text) >= _HEX_KEY) else None


def has_digit(found: re.Match[str]) -> int | None:
    return found.end() if any(each.isdigit() for each in found[0]) else None


def no_variable(found: re.Match[str]) -> int | None:
    """A placeholder of a template holds no secret."""
    return None if any(each in found[0] for each in "${}") else found.end()
