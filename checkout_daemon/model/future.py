"""Times to come, as operators write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from checkout_daemon.model.time_ranges import WEEKDAYS

_SPAN = re.compile(r"(\d{1,4})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_future(text: str, time_zone: str, now: datetime) -> datetime | None:
    """Return the time that `2d`, `monday`, a date or an RFC 3339 time stands for, in UTC; None for another text.

    A span counts from now. A weekday is the next one, not today. A day begins at midnight, and a time without an offset
    is, in `time_zone`.
    """
    text = text.strip()
    if (days := _days_until(text.lower(), now.astimezone(ZoneInfo(time_zone)))) is not None:
        day = now.astimezone(ZoneInfo(time_zone)).date() + timedelta(days=days)
        return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
    if span := _SPAN.fullmatch(text.lower()):
        return now + timedelta(**{_UNITS[span.group(2)]: int(span.group(1))})
    try:
        zone, found = ZoneInfo(time_zone), datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=zone)
        found.astimezone(zone)  # the last hours of the year 9999 are none in a zone east of UTC
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _days_until(word: str, now: datetime) -> int | None:
    """Return in how many days the next day of this name begins, or None if it is no name of a day."""
    if word in ("today", "tomorrow"):
        return int(word == "tomorrow")
    return (WEEKDAYS.index(word) - now.weekday() - 1) % 7 + 1 if word in WEEKDAYS else None
