"""The Retry-After header: seconds or an HTTP date (PL-04)."""

import re
from calendar import monthrange, timegm

_SECONDS = re.compile(r"[0-9]{1,300}")
_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_IMF_DATE = re.compile(
    rf"(?:{_DAYS}), ([0-9]{{2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}}) ([0-9]{{2}}):([0-9]{{2}}):([0-9]{{2}}) GMT"
)
_EPOCH, _LAST_HOUR, _LAST_MINUTE, _LEAP_SECOND = 1970, 23, 59, 60


def retry_after_ms(value: str, now: int, most: int) -> int:
    """Milliseconds from `now` (Unix ms) on, `most` at the most; -1 where the header is absent or malformed."""
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(int(text) * 1000, most)
    until = _date_ms(text)
    return -1 if until < 0 else min(max(until - now, 0), most)


def _date_ms(text: str) -> int:
    if not (found := _IMF_DATE.fullmatch(text)):
        return -1
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    month = _MONTHS.index(found[2]) + 1
    if year < _EPOCH or hour > _LAST_HOUR or minute > _LAST_MINUTE or second > _LEAP_SECOND:
        return -1
    if not 1 <= day <= monthrange(year, month)[1]:
        return -1
    return timegm((year, month, day, hour, minute, second)) * 1000
