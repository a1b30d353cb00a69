"""How the shop is doing: today's orders, revenue by interval, arrivals of events, and what needs attention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import record_of

INTERVAL = timedelta(minutes=30)
LONGEST_LAG_SECONDS = 60.0
"""Events that take longer to arrive are late."""

# Stripe reports the end of a session within seconds. Without a report, an event was missed.
OVERDUE_AFTER = timedelta(minutes=10)
# The slowest bank debits take two weeks.
SLOW_AFTER = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class DayLine:
    """Orders made since a time, in one status; `paid`: how many of them were ever paid."""

    status: str
    made: int
    paid: int


@dataclass(frozen=True, slots=True)
class RevenueLine:
    """What was paid in one interval and not refunded, of each order at most its total. Minor units of a currency."""

    at: datetime
    currency: str
    orders: int
    amount: int


@dataclass(frozen=True, slots=True)
class ArrivalLine:
    """Events received in one interval. `lag_seconds`: median from Stripe's clock to ours, None if unknown."""

    at: datetime
    events: int
    lag_seconds: float | None


@dataclass(frozen=True, slots=True)
class OwedLine:
    """Messages that became owed in one interval."""

    at: datetime
    messages: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Counts of what needs attention. `lag_seconds`: median of the newest events, None if there were none for a day."""

    stuck: int
    attention: int
    events_failed: int
    events_dead: int
    messages_dead: int
    lag_seconds: float | None

    @property
    def counts(self) -> tuple[tuple[int, str], ...]:
        """What needs a person, in the sequence in which it is shown."""
        dead = self.events_dead + self.messages_dead
        return (self.attention, "attention"), (self.stuck, "stuck"), (dead, "dead")


@dataclass(frozen=True, slots=True)
class Figures:
    """The shop as of `at`. `today` begins at midnight of the shop's time zone; `revenue` covers it and the last day."""

    at: datetime
    today: datetime
    days: tuple[DayLine, ...]
    revenue: tuple[RevenueLine, ...]
    trouble: Trouble


async def read_figures(database: Readable, now: datetime, time_zone: str, *, livemode: bool) -> Figures:
    """Return the figures of one mode. Intervals are counted from a midnight, so that today has whole ones."""
    today = midnight(now, time_zone)
    async with database.connection() as connection:
        days = await connection.fetch(sql("read_day"), today, livemode)
        revenue = await connection.fetch(
            sql("read_revenue"), min(today, first_interval(now, today)), INTERVAL, livemode
        )
        return Figures(
            at=now,
            today=today,
            days=tuple(record_of(DayLine, row) for row in days),
            revenue=tuple(record_of(RevenueLine, row) for row in revenue),
            trouble=await read_trouble(connection, now, livemode=livemode),
        )


async def read_trouble(connection: asyncpg.Connection, now: datetime, *, livemode: bool) -> Trouble:
    """Count what needs attention among the orders, events and messages of one mode."""
    (row,) = await connection.fetch(sql("read_trouble"), now, now - OVERDUE_AFTER, now - SLOW_AFTER, livemode)
    return record_of(Trouble, row)


async def read_arrivals(connection: asyncpg.Connection, since: datetime, interval: timedelta) -> list[ArrivalLine]:
    """Return the events received by interval from `since` on. Empty intervals are absent."""
    return [record_of(ArrivalLine, row) for row in await connection.fetch(sql("read_arrivals"), since, interval)]


async def read_owed(connection: asyncpg.Connection, since: datetime, interval: timedelta) -> list[OwedLine]:
    """Return the messages owed by interval from `since` on. Empty intervals are absent."""
    return [record_of(OwedLine, row) for row in await connection.fetch(sql("read_owed"), since, interval)]


def first_interval(now: datetime, today: datetime) -> datetime:
    """Return when the first whole interval of the last 24 hours begins. Intervals are counted from midnight."""
    return today + INTERVAL * ((now - timedelta(days=1) - today) // INTERVAL + 1)


def midnight(now: datetime, time_zone: str) -> datetime:
    """Return when the day began in a time zone, in UTC."""
    here = now.astimezone(ZoneInfo(time_zone))
    # Where clocks are set back to midnight, the first of both midnights begins the day, also in the repeated hour.
    return here.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)


def begin_of_days(days: int, end: datetime, time_zone: str) -> datetime:
    """Return when the last `days` days until a time began in a time zone, in UTC. A day that has not ended counts."""
    last = (end - timedelta(microseconds=1)).astimezone(ZoneInfo(time_zone))
    # On the wall, not in elapsed time: where the clocks change, a day has 23 or 25 hours.
    return midnight(last - timedelta(days=days - 1), time_zone)
