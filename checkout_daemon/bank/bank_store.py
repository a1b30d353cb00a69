"""Writes and reads the rows of the balance at Stripe."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import msgspec

from checkout_daemon.bank.records import BalanceLine, Payout
from checkout_daemon.database.leases import read_cursor
from checkout_daemon.database.queries import sql
from checkout_daemon.database.records import columns

_LINE = (
    *("id", "livemode", "type", "category", "amount", "fee", "net", "currency", "exchange_rate", "source_id"),
    *("source_amount", "source_currency", "payment_id", "payout_id", "created_at", "available_on"),
)
_PAYOUT = (
    *("id", "livemode", "amount", "currency", "status", "automatic", "reconciliation", "failure_code"),
    *("created_at", "arrives_at"),
)


CURSORS = {True: "balance", False: "balance-test"}
"""The name of the cursor by livemode: a live key and a test key see different balances."""


class BalanceRead(msgspec.Struct, frozen=True):
    """How far the balance was read, by Stripe's clock: every line made from `began` until `until` is stored.

    `payouts_at` is when payouts were last listed, by our clock. `refused_at` is when Stripe refused our key, None
    unless it did so the last time.
    """

    began: datetime
    until: datetime
    payouts_at: datetime | None = None
    refused_at: datetime | None = None


async def write_lines(connection: asyncpg.Connection, lines: Sequence[BalanceLine]) -> int:
    """Store lines, and return how many were new or have changed."""
    return len(await connection.fetch(sql("write_balance_lines"), *columns(lines, *_LINE)))


async def write_payouts(connection: asyncpg.Connection, payouts: Sequence[Payout]) -> int:
    """Store payouts, and return how many were new or have changed."""
    return len(await connection.fetch(sql("write_payouts"), *columns(payouts, *_PAYOUT)))


async def payouts_to_read(connection: asyncpg.Connection, limit: int, *, livemode: bool) -> list[str]:
    """Return the ids of payouts whose lines are complete at Stripe and were never read."""
    return [row["id"] for row in await connection.fetch(sql("payouts_to_read"), livemode, limit)]


async def note_lines_read(connection: asyncpg.Connection, payout_id: str, at: datetime) -> None:
    """Note that all lines of a payout were read."""
    await connection.execute(sql("note_lines_read"), payout_id, at)


async def last_reading(connection: asyncpg.Connection, *, livemode: bool) -> tuple[BalanceRead | None, datetime]:
    """Return how far the balance was read, and when by the database's clock; None before the first time."""
    found = await read_cursor(connection, CURSORS[livemode])
    if found is None or found[0] is None:
        return None, datetime.fromtimestamp(0, UTC)
    return msgspec.json.decode(found[0], type=BalanceRead), found[1]
