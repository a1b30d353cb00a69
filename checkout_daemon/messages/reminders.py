"""Reminds a shopper once of an unpaid order, and counts what was paid after that. Off unless it is turned on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import record_of
from checkout_daemon.database.server import read_now
from checkout_daemon.model.messages import Channel
from checkout_daemon.outbox.channels import missing_setting
from checkout_daemon.runtime import Runtime

# An order that is older when reminders are turned on, or after days without a daemon, is left alone.
_WINDOW = timedelta(days=1)
_MOST = 200


@dataclass(frozen=True, slots=True)
class RecoveredMoney:
    """Orders of one currency that were paid after their reminder was sent. Amount in minor units."""

    currency: str
    orders: int
    amount: int


async def owe_reminders(runtime: Runtime) -> int:
    """Owe the reminders that are due by the database's clock, and return how many. None unless they are turned on.

    An order gets one: pending or expired, not free, without attention, and unless its customer has ordered again, is
    paying for another order, has paid one within a day before it, or was reminded within the last 30 days.
    """
    hours = runtime.settings.reminder_hours
    if hours is None or missing_setting(runtime.settings, Channel.MAIL) is not None:
        return 0
    async with runtime.database.connection() as connection:
        before = await read_now(connection) - timedelta(hours=hours)
        livemode = runtime.settings.livemode
        rows = await connection.fetch(sql("owe_reminders"), livemode, before, before - _WINDOW, _MOST)
    return len(rows)


async def read_recovered(connection: asyncpg.Connection, *, livemode: bool) -> list[RecoveredMoney]:
    """Return what was paid after a reminder of the last 90 days, by currency."""
    return [record_of(RecoveredMoney, row) for row in await connection.fetch(sql("read_recovered"), livemode)]


async def count_recovered(runtime: Runtime) -> None:
    """Set the metrics of what was paid after a reminder of the last 90 days, if reminders are turned on."""
    if runtime.metrics is None or runtime.settings.reminder_hours is None:
        return
    async with runtime.database.connection() as connection:
        found = await read_recovered(connection, livemode=runtime.settings.livemode)
    runtime.metrics.recovered_counted({one.currency: (one.orders, one.amount) for one in found})
