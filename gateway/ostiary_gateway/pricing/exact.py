"""Decimal arithmetic that never rounds, and its one spelling in files."""

from decimal import Context, Decimal, InvalidOperation

EXACT = Context(prec=120)
"""Enough for 2^53 tokens at a price with 24 decimals, added up for ever. Python's own context rounds at 28 digits."""

ZERO = Decimal(0)


def decimal(text: str) -> Decimal | None:
    """An amount that is finite and not negative, None where the text is no such thing."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and value >= 0 else None


def plain(value: Decimal) -> str:
    """All its digits, without exponent or zeros at the end: `0.000325`, `12`, `0`."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").removesuffix(".")
    return "0" if text == "-0" else text
