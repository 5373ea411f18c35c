"""Moments as Kubernetes writes them: RFC 3339, UTC, whole seconds."""

from datetime import UTC, datetime


def parse(text: str) -> datetime | None:
    """A moment, or None if the text is none or does not say its time zone."""
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def to_text(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
