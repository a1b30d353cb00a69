"""Times that have passed and spans between them, as operators write them.

A day begins at midnight in the time zone of the shop, and a time without an offset is in it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})(?:\.(\d{4})?)?")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_BETWEEN = re.compile(r"(.*?)\.\.(?!\.)(.*)")  # in `24.11...27.11.` the first dot belongs to the day
EXAMPLES = "a span such as 30m, 24h or 7d, today, yesterday, monday, a date, such as 2026-11-24, or an RFC 3339 time"
RANGES = "24h, today, monday, last week, 24.11., 2026-11-24 or 2026-11-24..2026-11-27"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `since` (inclusive) to `until` (exclusive), in UTC; None: no bound."""

    since: datetime | None = None
    until: datetime | None = None


def read_past(text: str, time_zone: str, now: datetime) -> datetime | None:
    """Return the time that a span before now, a day, a week or month by name, a date or an RFC 3339 time stands for.

    A weekday, or a date without a year, is the last one that has begun. Return None for another text.
    """
    word = " ".join(text.lower().split())
    with suppress(ValueError, OverflowError):
        if ago := _AGO.fullmatch(word):
            return now - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))})
        if word == "now":
            return now
        zone = ZoneInfo(time_zone)
        if (days := _days(word, now.astimezone(zone).date())) is not None:
            return _midnight(days[0], zone)
        found = datetime.fromisoformat(text.strip())
        found = found.replace(tzinfo=zone) if found.tzinfo is None else found
        found.astimezone(zone)  # the first hours of the year 1 are none in a zone west of UTC
        return found.astimezone(UTC)
    return None


def read_range(text: str, time_zone: str, now: datetime) -> TimeRange | None:
    """Return the range that a text stands for, or None.

    A span is the time until now; a day, week or month is all of it. `A..B` is from the beginning of A to the end of B,
    of which one may be omitted.
    """
    if between := _BETWEEN.fullmatch(text.strip()):
        first, last = (part.strip() for part in between.groups())
        begin, end = read_past(first, time_zone, now), _end_of(last, time_zone, now)
        if (first and begin is None) or (last and end is None) or (begin and end and begin >= end):
            return None
        return TimeRange(begin, end) if first or last else None
    begin = read_past(text, time_zone, now)
    if begin is None:
        return None
    end = _end_of(text, time_zone, now)
    return TimeRange(begin, None if end is None or end > now or end == begin else end)


def _end_of(text: str, time_zone: str, now: datetime) -> datetime | None:
    """Return when the day, week or month of a text ends; for any other time that time."""
    word, zone = " ".join(text.lower().split()), ZoneInfo(time_zone)
    with suppress(ValueError, OverflowError):
        if (days := _days(word, now.astimezone(zone).date())) is not None:
            return _midnight(days[1], zone)
        return _midnight(date.fromisoformat(word) + timedelta(days=1), zone)
    return read_past(text, time_zone, now)


def _days(word: str, today: date) -> tuple[date, date] | None:
    """Return the first day of what a word names and the day after its last one. Raise ValueError for no such date."""
    if word in ("today", "yesterday"):
        day = today - timedelta(days=word == "yesterday")
        return day, day + timedelta(days=1)
    if word in WEEKDAYS:
        day = today - timedelta(days=(today.weekday() - WEEKDAYS.index(word)) % 7)
        return day, day + timedelta(days=1)
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    if word in ("this week", "last week"):
        monday -= timedelta(days=7 * (word == "last week"))
        return monday, monday + timedelta(days=7)
    if word == "last month":
        return (first - timedelta(days=1)).replace(day=1), first
    if word == "this month":
        return first, (first + timedelta(days=31)).replace(day=1)
    if (match := _DAY.fullmatch(word)) is None:
        return None
    number, month = int(match[1]), int(match[2])
    day = date(int(match[3]), month, number) if match[3] else _last(number, month, today)
    return day, day + timedelta(days=1)


def _last(number: int, month: int, today: date) -> date:
    """Return the last such day that has begun: 29.2. may be years ago."""
    for year in range(today.year, today.year - 8, -1):
        with suppress(ValueError):
            if (found := date(year, month, number)) <= today:
                return found
    raise ValueError(f"no {number}.{month}. in any year")


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
