"""Times as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_time(text: str, option: str, now: datetime, time_zone: str) -> datetime:
    """A span before now (30m, 24h, 7d), a date or an RFC 3339 time; without an offset, of the time zone.

    Raises UsageError, which names the option.
    """
    if ago := _AGO.fullmatch(text.strip().lower()):
        try:
            return now - timedelta(**{_UNITS[ago.group(2)]: int(ago.group(1))})
        except OverflowError:
            pass
    try:
        time = datetime.fromisoformat(text.strip())
        if time.tzinfo is None:
            time = time.replace(tzinfo=ZoneInfo(time_zone))
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(
            f"{option} takes a span such as 30m, 24h or 7d, a date or an RFC 3339 time, not {text!r}"
        ) from None
