"""What should become of an ApiKey's values: made, kept, rotated, or the old one dropped. Pure; time and new keys are given."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ostiary_operator.objects.keysecret import Rotation


@dataclass(frozen=True, slots=True)
class Policy:
    """How an ApiKey wants its values to change; `rotate` is the value of its annotation, seconds else, 0 is never."""

    rotate: str = ""
    interval: int = 0
    overlap: int = 0


def next_generated(found: Rotation | None, policy: Policy, now: datetime, make: Callable[[], str], after: int = 0) -> Rotation:
    """The rotation of a key whose values we make; equal to `found` if nothing is due.

    `after` is the last version that was used, for a Secret that was lost: a version never names two values.
    """
    if found is None:
        return Rotation(current=make(), version=after + 1, rotated_at=text_of(now), observed=policy.rotate)
    asked = bool(policy.rotate) and policy.rotate != found.observed
    if asked or _interval_over(found, policy, now):
        return replace(_rotated(found, make(), policy, now), observed=policy.rotate or found.observed)
    return _settled(found, now)


def next_observed(found: Rotation | None, current: str, policy: Policy, now: datetime) -> Rotation:
    """The rotation of a key that somebody else keeps, of which we know hashes; equal to `found` if nothing changed."""
    if found is None:
        return Rotation(current=current, version=1, rotated_at=text_of(now))
    if found.current != current:
        return _rotated(found, current, policy, now)
    return _settled(found, now)


def due(rotation: Rotation, policy: Policy, *, generated: bool) -> datetime | None:
    """When this changes by itself; None is never."""
    times = [time_of(rotation.retiring_until)] if rotation.retiring_until else []
    if generated and policy.interval and rotation.rotated_at:
        times.append(time_of(rotation.rotated_at) + timedelta(seconds=policy.interval))
    return min(times, default=None)


def text_of(moment: datetime) -> str:
    """RFC 3339 with seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of(text: str) -> datetime:
    """Of RFC 3339; what is no time was long ago, so that what somebody spoilt by hand ends rather than stays."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def _rotated(found: Rotation, current: str, policy: Policy, now: datetime) -> Rotation:
    """A value replaced earlier whose overlap still runs gives way: two values at a time are enough to rotate."""
    overlap = policy.overlap > 0
    return replace(
        found,
        current=current,
        version=found.version + 1,
        rotated_at=text_of(now),
        previous=found.current if overlap else "",
        retiring_until=text_of(now + timedelta(seconds=policy.overlap)) if overlap else "",
    )


def _interval_over(found: Rotation, policy: Policy, now: datetime) -> bool:
    return policy.interval > 0 and time_of(found.rotated_at) + timedelta(seconds=policy.interval) <= now


def _settled(found: Rotation, now: datetime) -> Rotation:
    if found.previous and time_of(found.retiring_until) <= now:
        return replace(found, previous="", retiring_until="")
    return found
