"""Times and spans as people read them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from checkout_daemon.present.text import NONE

_MOST_DAYS = 999


def age(time: datetime, now: datetime) -> str:
    """Return how long ago a time was, in one unit and at most four letters: 12s, 5m, 3h, 4d, after 999 days 2y."""
    days = (now - time).days
    return f"{days // 365}y" if days > _MOST_DAYS else span((now - time).total_seconds())


def span(seconds: float) -> str:
    """Return a number of seconds in the largest unit that fits: 12s, 5m, 3h, 4d. A negative number counts as 0."""
    whole = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def clock(time: datetime | None, time_zone: str) -> str:
    """Return date and time in a time zone, to the second; a dash for None."""
    return NONE if time is None else f"{time.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M:%S}"


def minute(time: datetime, time_zone: str) -> str:
    """Return weekday, date and time in a time zone, to the minute: Tue 2026-11-24 00:00."""
    return f"{time.astimezone(ZoneInfo(time_zone)):%a %Y-%m-%d %H:%M}"


def local_time(time: datetime | None, time_zone: str) -> str:
    """Return date and time to the second with the zone, `2026-05-01 12:00:00 CEST`; a dash for None."""
    return NONE if time is None else f"{time.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M:%S %Z}"


def time_of_day(time: datetime, time_zone: str) -> str:
    """Return the time of day in a time zone, to the second."""
    return f"{time.astimezone(ZoneInfo(time_zone)):%H:%M:%S}"
